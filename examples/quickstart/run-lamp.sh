#!/bin/sh
# Has Docker run tide-lamp: what a deployment's `command:` is asked to do, in full (docs/delivery.md).
# Arguments: the name of the container, the port of this machine that it answers at, and DOCKER_HOST where that is another.
set -eu
name=$1 port=$2
if [ -n "${3:-}" ]; then export DOCKER_HOST="$3"; fi

# The digest of the container that runs, and nothing where none does.
running() {
  docker inspect --format '{{ if .State.Running }}{{ index .Config.Labels "digest" }}{{ end }}' "$name" 2>/dev/null || true
}

# 69: Docker is away, which says nothing of the image.
docker version >/dev/null 2>&1 || exit 69

if [ "$TIDEMILL_ACTION" = observe ]; then
  found=$(running)
  if [ -n "$found" ]; then echo "{\"digest\":\"$found\"}"; else echo '{"digest":null}'; fi
  exit 0
fi

if [ -z "$TIDEMILL_DIGEST" ]; then
  docker rm --force "$name" >/dev/null
  exit 0
fi
[ "$(running)" = "$TIDEMILL_DIGEST" ] && exit 0
docker pull --quiet "$TIDEMILL_REFERENCE" >/dev/null || exit 69
docker rm --force "$name" >/dev/null 2>&1 || true
docker run --detach --name "$name" --label "digest=$TIDEMILL_DIGEST" --publish "127.0.0.1:$port:8080" \
  --read-only --cap-drop ALL --security-opt no-new-privileges --memory 64m --pids-limit 16 \
  "$TIDEMILL_REFERENCE" >/dev/null
