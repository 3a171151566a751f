#!/usr/bin/env bash
# What `docker gpu doctor`, `docker gpu ls` and the worker say on a real GPU, healthy and
# with the CDI spec broken on purpose. It takes a running engine (start-engine.sh):
#
#   DOCKER_GPU=bin/docker-gpu WORKER=gpu-worker OUT=out test/gpu/doctor.sh
#
# Every change is to the spec file and the mode of one node, and is taken back.
set -uo pipefail
: "${DOCKER_GPU:=bin/docker-gpu}" "${WORKER:=}" "${OUT:=.}" "${CDI_SPEC:=/etc/cdi/nvidia.yaml}"
step() { echo; echo "== $*"; }

step "machine: $(date -u +%Y-%m-%d)"
nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv

step "doctor, healthy"
time "$DOCKER_GPU" doctor
echo "exit code $?"
"$DOCKER_GPU" doctor -v
"$DOCKER_GPU" doctor --record "$OUT/h200.json"

step "ls"
"$DOCKER_GPU" ls
"$DOCKER_GPU" ls --format json

if [ -n "$WORKER" ]; then
	step "the worker on the host"
	time "$WORKER" smoke
	echo "exit code $?"
fi

keep=$(mktemp)
cp "$CDI_SPEC" "$keep"
trap 'cp "$keep" "$CDI_SPEC"' EXIT
broken() {
	step "broken: $1"
	"$DOCKER_GPU" doctor
	echo "exit code $?"
	cp "$keep" "$CDI_SPEC"
	rm -f "$(dirname "$CDI_SPEC")/second.yaml"
}
version=$(cat /sys/module/nvidia/version)
sed -i "s/$version/535.161.07/g" "$CDI_SPEC"
broken "a spec of another driver"
sed -i -E 's#hostPath: (/[^ ]*/libcuda\.so)\.[0-9.]+$#hostPath: \1.0.gone#' "$CDI_SPEC"
broken "a library of the spec is gone"
cp "$CDI_SPEC" "$(dirname "$CDI_SPEC")/second.yaml"
broken "two specs define the same devices"
sed -i -E '/- path: \/dev\/nvidia-uvm$/{n;s/major: .*/major: 99/}' "$CDI_SPEC"
broken "a wrong number of /dev/nvidia-uvm"
chmod 600 /dev/nvidia-uvm
broken "a device node that only root may open"
chmod 666 /dev/nvidia-uvm
sed -i '5i\ broken: [' "$CDI_SPEC"
broken "a spec that is no YAML"
step "mended"
"$DOCKER_GPU" doctor
echo "exit code $?"
