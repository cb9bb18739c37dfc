# The Dagster UI with its schedule, and every command: docs/operate.md says how it is run as one container,
# docs/deploy.md as services of their own, with the history in PostgreSQL.
FROM python:3.13-slim-bookworm AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_SYSTEM_CERTS=true UV_NO_CACHE=1
WORKDIR /src
COPY requirements.lock pyproject.toml ./
# Of the lock only what runs is installed; its hashes hold as constraints do.
RUN awk '/^[^ ]/ { uv = /^uv==/ } uv' requirements.lock > uv.txt \
    && pip install --no-cache-dir --require-hashes --requirement uv.txt \
    && uv venv /opt/copilot-assets \
    && uv pip install --python /opt/copilot-assets --only-binary :all: --constraint requirements.lock \
        --requirement pyproject.toml --extra postgres --extra k8s
COPY . .
RUN uv pip install --python /opt/copilot-assets --no-deps --build-constraint requirements.lock .

FROM python:3.13-slim-bookworm
COPY --from=build /opt/copilot-assets /opt/copilot-assets
# Settings, database, key, history and reports are in one volume: back up /srv/copilot/data and .env as the page says.
# Volumes of their own for two folders in it begin with the rights that these have here.
RUN useradd --uid 10001 copilot \
    && install -d -o copilot -g copilot -m 700 /srv/copilot /srv/copilot/data /srv/copilot/.dagster
ENV PATH=/opt/copilot-assets/bin:$PATH \
    DAGSTER_HOME=/srv/copilot \
    PYTHONUNBUFFERED=1 \
    PYTHONWARNINGS="ignore:Function `dev_command` is superseded"
USER 10001
WORKDIR /srv/copilot
VOLUME /srv/copilot
EXPOSE 3000
STOPSIGNAL SIGINT
HEALTHCHECK --start-period=60s --interval=60s --timeout=10s \
    CMD ["python", "-c", "import httpx; httpx.get('http://127.0.0.1:3000/server_info', trust_env=False).raise_for_status()"]
# An empty volume is laid out first; what is in it stays.
ENTRYPOINT ["sh", "-c", "copilot-assets init . > /dev/null && exec \"$@\"", "sh"]
CMD ["dagster", "dev", "--host", "0.0.0.0", "--port", "3000"]
