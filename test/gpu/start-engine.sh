#!/usr/bin/env bash
# Start the packed private engine on a bare machine that has an NVIDIA GPU, its
# driver and root, and neither Docker nor a network. See README.md.
#
#   ENGINE_PACK     the pack that `make engine-pack` made
#   ENGINE_DIR      where it is unpacked and keeps its state (/var/tmp/docker-gpu-engine)
#   CDI_SPEC        where the GPU's CDI spec is written (/etc/cdi/nvidia.yaml)
#   CDI_FLAGS       more flags for `nvidia-ctk cdi generate`, e.g. --library-search-path=…
#   BUILD_DEVICE    false refuses the GPU to builds, to try the proof after loading
#
# Its last line on stdout is for eval: the exports that make it the engine in use.
set -euo pipefail

pack=${ENGINE_PACK:?give the pack of make engine-pack in ENGINE_PACK}
dir=${ENGINE_DIR:-/var/tmp/docker-gpu-engine}
spec=${CDI_SPEC:-/etc/cdi/nvidia.yaml}
export PATH=$dir/bin:$PATH DOCKER_HOST=unix://$dir/docker.sock

fail() {
	printf 'start-engine: %s\n' "$*" >&2
	[ ! -e "$dir/log" ] || tail -n 20 "$dir/log" >&2
	exit 1
}

[ "$(id -u)" = 0 ] || fail "root is needed"

if [ ! -x "$dir/bin/dockerd" ] || [ "$pack" -nt "$dir/bin" ]; then
	mkdir -p "$dir/bin"
	tar -xJf "$pack" -C "$dir/bin" --no-same-owner || fail "$pack does not unpack (xz and tar are needed)"
	touch "$dir/bin"
fi

# The spec is made before dockerd starts, so that its list of devices is complete at once.
mkdir -p "$(dirname "$spec")"
# shellcheck disable=SC2086 # flags are many words
nvidia-ctk --quiet cdi generate --output="$spec" ${CDI_FLAGS:-} >&2 || fail "nvidia-ctk found no driver; does nvidia-smi run?"

if ! docker version >/dev/null 2>&1; then
	# A dockerd without a bridge deletes docker0, whoever made it.
	[ ! -e /sys/class/net/docker0 ] || fail "this machine has a Docker (docker0): use that one"
	# No bridge and no iptables: kernels of rented machines often lack both, and
	# the project's own containers run with --network none. The graphdriver store
	# imports big root file systems much faster than the containerd store does.
	cat >"$dir/daemon.json" <<-J
		{
		  "hosts": ["$DOCKER_HOST"],
		  "data-root": "$dir/data",
		  "exec-root": "$dir/exec",
		  "pidfile": "$dir/pid",
		  "exec-opts": ["native.cgroupdriver=cgroupfs"],
		  "features": {"cdi": true, "containerd-snapshotter": false},
		  "cdi-spec-dirs": ["$(dirname "$spec")"],
		  "iptables": false,
		  "ip6tables": false,
		  "bridge": "none",
		  "userland-proxy": false,
		  "builder": {"Entitlements": {"device": ${BUILD_DEVICE:-true}}}
		}
	J
	rm -f "$dir/pid" "$dir/exec/containerd/containerd.pid"
	setsid dockerd --config-file "$dir/daemon.json" </dev/null >"$dir/log" 2>&1 &
	for _ in $(seq 300); do
		if docker version >/dev/null 2>&1; then break; fi
		kill -0 $! 2>/dev/null || fail "dockerd ended"
		sleep 0.1
	done
	docker version >/dev/null 2>&1 || fail "dockerd does not answer"
fi

docker info --format 'engine {{.ServerVersion}}, {{.Driver}}, cgroup v{{.CgroupVersion}}{{range .DiscoveredDevices}}
{{.Source}}: {{.ID}}{{end}}' 2>/dev/null || docker info >&2
# shellcheck disable=SC2016 # PATH is for the reader's shell
printf 'export PATH=%q:"$PATH" DOCKER_HOST=%q\n' "$dir/bin" "$DOCKER_HOST"
