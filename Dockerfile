# syntax=docker/dockerfile:1
# One image for every process; the command says which. Nothing but hash-checked wheels is installed.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv --without-pip /opt/csatwatch
COPY requirements.txt requirements-dev.txt ./
RUN pip --python /opt/csatwatch/bin/python install --require-hashes --no-deps --only-binary :all: --requirement requirements.txt
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY schemas schemas
COPY streams streams
COPY sinks sinks
COPY web web
COPY agents agents
COPY workflows workflows
# The build backend and what it needs, out of the same lock.
RUN awk '/^[a-z]/ { kept = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } kept' requirements-dev.txt >backend.txt \
    && pip install --require-hashes --no-deps --only-binary :all: --requirement backend.txt \
    && pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/csatwatch/bin/python install --no-deps --no-index /wheels/csatwatch-*.whl

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="csatwatch" \
      org.opencontainers.image.description="Watches support satisfaction ratings on Kafka" \
      org.opencontainers.image.licenses="MIT"
# A fixed number, so that volumes and secret files can be given to it.
RUN groupadd --system --gid 10001 csatwatch \
    && useradd --system --uid 10001 --gid csatwatch --no-create-home --home-dir /nonexistent csatwatch \
    && install --directory --owner csatwatch --group csatwatch --mode 0750 /var/lib/csatwatch
COPY --from=build /opt/csatwatch /opt/csatwatch
ENV PATH=/opt/csatwatch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CSATWATCH_STATE_DIR=/var/lib/csatwatch \
    CSATWATCH_LOG_FORMAT=json
USER csatwatch
WORKDIR /var/lib/csatwatch
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9100/readyz', timeout=5)"]
ENTRYPOINT ["csatwatch"]
CMD ["--help"]
