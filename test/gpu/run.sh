#!/usr/bin/env bash
# All tests on this machine's real GPU: start the packed engine, run them, leave what they
# printed in $OUT. See README.md.
#
#   ENGINE_PACK=docker-gpu-engine.tar.xz DOCKER_GPU=docker-gpu GPU_TESTS=gpu.test OUT=. ./run.sh [-test.run …]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${ENGINE_PACK:?the pack of make engine-pack}" "${DOCKER_GPU:=bin/docker-gpu}" "${GPU_TESTS:=bin/gpu.test}" "${OUT:=.}"
export ENGINE_PACK ENGINE_DIR=${ENGINE_DIR:-/var/tmp/docker-gpu-engine} DOCKER_GPU
mkdir -p "$OUT"
DOCKER_GPU=$(realpath "$DOCKER_GPU")
"$here/start-engine.sh"
eval "$("$here/start-engine.sh" | tail -n 1)"

# The machine's own root, less what is large, is an image that has a C library: the engine
# gives it nvidia-smi, as it would an image of NVIDIA's.
docker image inspect hostroot >/dev/null 2>&1 ||
	{ tar -C / --one-file-system --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./tmp --exclude=./run --exclude=./opt \
		--exclude=./usr/local --exclude=./root --exclude=./home --exclude=./usr/share --exclude=./var --exclude=./boot -c . 2>/dev/null || [ $? -eq 1 ]; } |
	docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - hostroot:latest
"$DOCKER_GPU" doctor --record "$OUT/host.json"
"$GPU_TESTS" -test.v "$@" 2>&1 | tee "$OUT/gpu-tests.txt"
