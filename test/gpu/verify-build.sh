#!/usr/bin/env bash
# Prove `docker gpu build --torch=base` on a real GPU, inside the build and after
# loading. It takes the plugin's binary and a PyTorch on this machine:
#
#   export ENGINE_PACK=docker-gpu-engine.tar.xz ENGINE_DIR=/var/tmp/docker-gpu-engine
#   eval "$(test/gpu/start-engine.sh | tail -n 1)"
#   DOCKER_GPU=bin/docker-gpu TORCH=/opt/torch/.venv OUT=out test/gpu/verify-build.sh
#
# The machine's own root file system becomes the base image, so no network is needed.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${DOCKER_GPU:=bin/docker-gpu}" "${TORCH:=/opt/torch/.venv}" "${OUT:=.}" "${ENGINE_DIR:=/var/tmp/docker-gpu-engine}"
export ENGINE_DIR
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
cat > "$project/main.py" <<'PY'
import torch
print(torch.__version__, torch.version.cuda, torch.cuda.get_device_name())
PY

step() { echo; echo "== $*"; }

step "machine: $(date -u +%Y-%m-%d)"
nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv

step "the machine's root and PyTorch as the image hosttorch"
extra=()
[ "$(stat -c %d "$TORCH")" = "$(stat -c %d /)" ] || extra=(".$TORCH")
archive() { # 1 says that a file changed while it was read, as logs do
	tar -C / --one-file-system --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./tmp --exclude=./run \
		--exclude=./usr/local --exclude=./root --exclude=".$ENGINE_DIR" -c . "${extra[@]}" 2>/dev/null || [ $? -eq 1 ]
}
time archive | docker import \
	--change "ENV PATH=$TORCH/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" - hosttorch:latest

step "the decision for this machine"
"$DOCKER_GPU" build --torch --explain

step "proof inside the build, through CDI"
time "$DOCKER_GPU" build --torch=base --base hosttorch --verify=require --progress=plain -t proven:in-build \
	--metadata-file "$OUT/in-build.json" "$project"

step "again, nothing changed"
time "$DOCKER_GPU" build --torch=base --base hosttorch --verify=require --progress=plain -t proven:in-build "$project" 2>&1 | tail -20

step "the image has no trace of the GPU step"
docker run --rm proven:in-build sh -c 'ls /usr/lib/x86_64-linux-gnu | grep -c "libcuda.so" || true; find / -xdev -name "libcuda.so*" -size 0 2>/dev/null | head'

step "without verification: the same image?"
"$DOCKER_GPU" build --torch=base --base hosttorch --verify=off -q -t proven:off "$project"
docker image inspect -f '{{.ID}} {{index .RepoTags 0}}' proven:in-build proven:off

step "the image runs"
time docker run --rm --gpus all proven:in-build python3 main.py

step "proof after loading: the engine now gives builds no device"
kill "$(cat "$ENGINE_DIR/pid")"
for _ in $(seq 100); do [ -s "$ENGINE_DIR/pid" ] || break; sleep 0.1; done
BUILD_DEVICE=false test/gpu/start-engine.sh >/dev/null
time "$DOCKER_GPU" build --torch=base --base hosttorch --verify=require --progress=plain -t proven:after-load \
	--metadata-file "$OUT/after-load.json" "$project"

step "nothing is left over"
docker ps -a
docker images
