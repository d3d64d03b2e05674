"""What is done to the installation. Each fault ends with everything switched on again, if not healed yet."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.site import SESSION, Site
from tests.chaos.watch import Watch
from tests.chaos.workers import Worker
from tests.servers.wait import until

PATIENT = 300.0
"""Seconds for what must come, however busy the machine: only what never comes takes so long."""
_ROOM = 64  # KiB: less than is put on disk at a time
_PUT = 30.0  # seconds


@dataclass
class Scene:
    """What a fault has to do with."""

    site: Site
    watch: Watch
    random: Random
    outage: float = SESSION + 5

    @property
    def running(self) -> list[Worker]:
        """The workers that are up."""
        return [w for w in self.site.workers if w.running]

    def any_worker(self) -> Worker:
        """One of those that are up."""
        return self.random.choice(self.running)

    def turn(self, failpoint: str) -> int:
        """At which of its turns a failpoint acts: what comes once an assignment may not come again."""
        return 1 if failpoint in {"opened", "restoring"} else self.random.randint(1, 3)

    async def pause(self, least: float, most: float) -> None:
        """Let things go on for a while."""
        await asyncio.sleep(self.random.uniform(least, most))


Fault = Callable[[Scene], Awaitable[None]]


async def kills(scene: Scene) -> None:
    """kill -9, ten times in a row, of any worker."""
    for _ in range(10):
        if scene.running:
            scene.any_worker().kill()
        await scene.pause(0.2, 3)


async def kill_all(scene: Scene) -> None:
    """kill -9 of all workers at once."""
    for worker in scene.running:
        worker.kill()


def killed_at(name: str) -> Fault:
    """kill -9 at a failpoint."""

    async def fault(scene: Scene) -> None:
        worker = scene.any_worker()
        await worker.leave()
        if name == "restoring":  # there is nothing to restore where the local state is whole
            shutil.rmtree(worker.state, ignore_errors=True)
        worker.start(failpoint=f"{name}:{scene.turn(name)}:kill")
        killed = worker.process
        await until(lambda: killed.returncode is not None, what=f"{worker.name} killed at {name}", within=PATIENT)
        assert killed.returncode == -9, f"{worker.name} ended with {killed.returncode} instead of at {name}"

    return fault


def frozen_at(name: str) -> Fault:
    """A zombie: held by SIGSTOP at a failpoint until its session is over, then continued."""

    async def fault(scene: Scene) -> None:
        worker = scene.any_worker()
        await worker.leave()
        worker.start(failpoint=f"{name}:{scene.turn(name)}:stop")
        await worker.stopped(PATIENT)
        await asyncio.sleep(SESSION + scene.random.uniform(3, 8))
        worker.resume()

    return fault


async def frozen(scene: Scene) -> None:
    """The same at no particular place."""
    worker = scene.any_worker()
    with worker.process.stop_and_continue():
        await asyncio.sleep(SESSION + scene.random.uniform(3, 8))


async def churn(scene: Scene) -> None:
    """Workers join and leave, five times each."""
    for i in range(5):
        extra = scene.site.worker(f"extra-{len(scene.site.workers)}-{i}")
        extra.start()
        await scene.pause(1, 8)
        await extra.leave()


async def stopped_at_start(scene: Scene) -> None:
    """Workers are told to stop while they start, five times: each has taken its first steps into the group."""
    for i in range(5):
        extra = scene.site.worker(f"brief-{len(scene.site.workers)}-{i}")
        extra.start()
        await extra.logs("ReadCommitted]: Starting", PATIENT)
        await extra.leave()
        await scene.pause(0, 3)


async def handed_over(scene: Scene) -> None:
    """A clean restart of every worker, one after the other."""
    for worker in scene.running:
        await worker.leave()
        worker.start()
        await scene.pause(0, 3)


async def broker_restarted(scene: Scene) -> None:
    """SIGTERM of the broker, and up again."""
    await asyncio.to_thread(scene.site.server.restart)


async def broker_killed(scene: Scene) -> None:
    """SIGKILL of the broker, and up again."""
    await asyncio.to_thread(scene.site.server.kill)
    await asyncio.to_thread(scene.site.server.start)


async def broker_away(scene: Scene) -> None:
    """The broker is away for longer than the session timeout; a worker starts meanwhile."""
    await asyncio.to_thread(scene.site.server.kill)
    try:
        scene.any_worker().kill()
        await asyncio.sleep(scene.outage)
    finally:
        await asyncio.to_thread(scene.site.server.start)


async def state_wiped(scene: Scene) -> None:
    """A state directory is gone."""
    worker = scene.any_worker()
    await worker.leave(kill=scene.random.random() < 0.5)
    shutil.rmtree(worker.state, ignore_errors=True)
    worker.start()


async def state_corrupt(scene: Scene) -> None:
    """A state directory's files are damaged: cut, overwritten or gone."""
    worker = scene.any_worker()
    await worker.leave(kill=True)
    for file in sorted(worker.state.glob("**/*.db/*")):
        if scene.random.random() < 0.5:
            damage(file, scene.random)
    worker.start()


async def disk_full(scene: Scene) -> None:
    """A worker's files cannot grow: what it keeps locally no longer fits. It stops, and there is room again.

    What changed goes there by the megabyte: where that is not soon, it is told to stop, and cannot put it there.
    """
    worker = scene.any_worker()
    await worker.leave()
    worker.start(room=_ROOM)
    limited = worker.process
    try:
        await until(lambda: limited.returncode is not None, what="lack of room", within=_PUT)
    except AssertionError:
        await worker.leave()
        worker.start()
    else:
        assert limited.returncode == 1, f"{worker.name} ended with {limited.returncode} instead of for lack of room"


async def offsets_reset(scene: Scene) -> None:
    """All workers are stopped, and the group's offsets set to 0."""
    workers = [w for w in scene.site.workers if w.wanted]
    await asyncio.gather(*(w.leave() for w in workers))
    offsets = dict.fromkeys(range(scene.site.partitions), 0)

    async def accepted() -> bool:
        # The group lets nobody in from outside while the session of a member that was killed lasts.
        with suppress(Exception):
            await scene.site.reset_offsets(offsets)
            return True
        return False

    try:
        async with scene.watch.offsets_reset():
            await until(accepted, what="offsets reset", within=PATIENT)
    finally:
        for worker in workers:
            worker.start()


async def directory_shared(scene: Scene) -> None:
    """A second worker in another one's state directory."""
    extra = scene.site.worker(f"beside-{len(scene.site.workers)}", state=scene.any_worker().state)
    extra.start()
    await scene.pause(8, 14)
    await extra.leave(kill=scene.random.random() < 0.5)


def damage(file: Path, random: Random) -> None:
    """Cut a file, overwrite a part of it, or remove it."""
    how, data = random.randrange(3), bytearray(file.read_bytes())
    if how == 0 or not data:
        file.unlink()
        return
    start = random.randrange(len(data))
    if how == 1:
        file.write_bytes(data[:start])
        return
    data[start : start + 64] = random.randbytes(len(data[start : start + 64]))
    file.write_bytes(data)


FAULTS: Mapping[str, Fault] = {
    "kill -9, ten times": kills,
    "kill -9 of all": kill_all,
    **{
        f"kill -9 at {name}": killed_at(name)
        for name in (
            "alerts-acknowledged",
            "before-checkpoint",
            "in-checkpoint",
            "before-local-put",
            "after-local-put",
            "opened",
            "restoring",
        )
    },
    "frozen": frozen,
    **{
        f"frozen at {name}": frozen_at(name)
        for name in ("alerts-acknowledged", "in-checkpoint", "before-local-put", "opened")
    },
    "joins and leaves": churn,
    "stopped while they start": stopped_at_start,
    "restarts in turn": handed_over,
    "broker restarted": broker_restarted,
    "broker killed": broker_killed,
    "broker away": broker_away,
    "state wiped": state_wiped,
    "state corrupt": state_corrupt,
    "disk full": disk_full,
    "offsets reset": offsets_reset,
    "directory shared": directory_shared,
}
