# One image for every part: `api`, `worker`, `migrate` and administration are subcommands.

FROM rust:1.95.0-slim-trixie AS build
# The image brings exactly this toolchain. Named here, rust-toolchain.toml is not read, which would
# fetch clippy and rustfmt for nothing.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
# Dependencies and objects stay in the builder's cache, so a second build compiles what changed.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package sendpromptly \
    && install -m 0755 target/release/sendpromptly /usr/local/bin/sendpromptly

FROM debian:13.6-slim
# Callbacks, Slack, mail, Postgres and Temporal are all reached over TLS with the system's roots.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin sendpromptly
COPY --from=build /usr/local/bin/sendpromptly /usr/local/bin/sendpromptly
USER 10001
# Inside a container, loopback would be reachable by nobody.
ENV SENDPROMPTLY_LISTEN=0.0.0.0:8080 SENDPROMPTLY_METRICS_LISTEN=0.0.0.0:9464
EXPOSE 8080
# No HEALTHCHECK: a command has nothing to be asked. An orchestrator probes GET /readyz, as
# docker-compose.yml does.
ENTRYPOINT ["sendpromptly"]
CMD ["--help"]
