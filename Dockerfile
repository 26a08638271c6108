# One image a service: docker build --build-arg SERVICE=risk .
#
#   SERVICE   data, strategy, risk, execution, ledger, or console: the operator's commands and the
#             one-shot jobs that prepare a desk (deploy/README.md)
#   RELEASE   the version in the image's labels
#
# Every dependency is pinned by hash in requirements/SERVICE.txt and only that file is installed.
# The final stage has Python, the environment and nothing to build with; it runs as a user without
# rights, and needs no place to write but /tmp.
ARG PYTHON_IMAGE=python:3.13-slim

# The project itself, once for all services.
FROM ${PYTHON_IMAGE} AS wheel
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/build.txt requirements/
RUN python3 -m venv /build \
 && /build/bin/pip install --quiet --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY shared shared
COPY services services
COPY console console
RUN /build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel .

# A stage of its own: services with the same requirements share what is installed from them.
FROM ${PYTHON_IMAGE} AS requirements
ARG SERVICE
COPY requirements/${SERVICE}.txt /requirements.txt

FROM ${PYTHON_IMAGE} AS environment
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv --without-pip /opt/tapedeck
COPY --from=requirements /requirements.txt /requirements.txt
RUN pip --python /opt/tapedeck/bin/python install --quiet --require-hashes --only-binary :all: \
        --requirement /requirements.txt \
 && find /opt/tapedeck -depth \( -name tests -o -name include -o -name '*.pyx' -o -name '*.pxd' \) \
        -path '*/site-packages/*' -exec rm -rf {} +
COPY --from=wheel /wheel /wheel
COPY deploy/entrypoint deploy/copy-tape deploy/probe.py /libexec/
# Readable for all, whatever the mask was under which somebody checked this out.
RUN pip --python /opt/tapedeck/bin/python install --quiet --no-deps /wheel/*.whl \
 && install -D -m 0755 -t /opt/tapedeck/libexec /libexec/*

FROM ${PYTHON_IMAGE}
ARG SERVICE
ARG RELEASE=0.1.0
# A volume that is mounted on one of these folders for the first time takes its owner over.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent tapedeck \
 && mkdir -p /strategies /etc/tapedeck \
 && install -d -o tapedeck -g tapedeck -m 0700 /secrets /desk /tape /tape-2 /tape-3 /marks /backup \
 && for user in data strategy risk execution ledger console gateway admin; do \
        install -d -o tapedeck -g tapedeck -m 0700 /secrets/$user; done \
 && install -d -o tapedeck -g tapedeck -m 0700 /secrets/replica \
 && install -d -o tapedeck -g tapedeck -m 0755 /secrets/nats /secrets/postgres
COPY --from=environment /opt/tapedeck /opt/tapedeck
ENV PATH=/opt/tapedeck/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 \
    TAPEDECK_SERVICE=${SERVICE} TAPEDECK_STATE=/tmp/tapedeck
LABEL org.opencontainers.image.title="tapedeck-${SERVICE}" \
      org.opencontainers.image.description="Tapedeck, an automated trading desk: ${SERVICE}" \
      org.opencontainers.image.version="${RELEASE}" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
WORKDIR /strategies
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 \
    CMD ["python3", "-I", "-S", "/opt/tapedeck/libexec/probe.py"]
ENTRYPOINT ["/opt/tapedeck/libexec/entrypoint"]
