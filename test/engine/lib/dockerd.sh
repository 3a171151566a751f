# The variants that are a dockerd: containerd, graphdriver and old. dockerd
# starts the containerd that it finds on PATH itself.

dockerd_start() {
	local variant=$1 home path
	home=$(state "$variant")
	path=$(dockerd_path "$variant")
	dockerd_config "$variant" >"$home/daemon.json"
	PATH=$path launch "$home/log" dockerd --config-file "$home/daemon.json"
	local pid=$!
	wait_for 60 dockerd_answers_or_ended "$variant" "$pid"
	dockerd_answers "$variant" || die "the $variant engine did not start: $home/log
$(tail -n 15 "$home/log")"
}

dockerd_answers() { running "$(state "$1")/pid" "$(state "$1")" && docker_for "$1" version >/dev/null 2>&1; }
dockerd_answers_or_ended() { dockerd_answers "$1" || gone "$2"; }

docker_for() {
	local sock
	sock=unix://$(state "$1")/docker.sock
	shift
	PATH=$PATH:$bin timeout 60 docker --host "$sock" "$@"
}

# dockerd_path VARIANT: with a fake GPU the engine must find nvidia-cdi-hook, or
# it will not take --gpus; without a GPU it must not, to give the true errors.
dockerd_path() {
	local path=$bin:$PATH
	case $1 in
	old) path=$debs/usr/sbin:$debs/usr/bin:$PATH ;;
	*) [ "$(cat "$(state "$1")/gpu")" != fake ] || path=$toolkit:$path ;;
	esac
	say "$path"
}

dockerd_config() {
	local home block
	home=$(state "$1")
	block=$(block_of "$1")
	cat <<-J
		{
		  "hosts": ["unix://$home/docker.sock"],
		  "data-root": "$home/data",
		  "exec-root": "$home/exec",
		  "pidfile": "$home/pid",
		  "exec-opts": ["native.cgroupdriver=cgroupfs"],
		  "bridge": "$(bridge_of "$1")",
		  "default-address-pools": [{"base": "10.214.$block.0/24", "size": 28}],
		  "iptables": false,
		  "ip6tables": false,
		$(dockerd_config_of "$1" "$home")
		}
	J
}

dockerd_config_of() {
	case $1 in
	containerd)
		say '  "features": {"cdi": true, "containerd-snapshotter": true},'
		builder_gc
		say "  \"cdi-spec-dirs\": [\"$2/cdi\"]"
		;;
	graphdriver)
		say '  "features": {"cdi": true, "containerd-snapshotter": false},'
		say '  "storage-driver": "overlay2",'
		builder_gc
		say "  \"cdi-spec-dirs\": [\"$2/cdi\"]"
		;;
	old)
		# Left to itself, 20.10 keeps its key in /etc/docker.
		say '  "storage-driver": "overlay2",'
		say "  \"deprecated-key-path\": \"$2/key.json\""
		;;
	esac
}

# Left to itself, BuildKit wants a fifth of the disk free, and on a full one drops
# cache that a test has just filled.
builder_gc() {
	say '  "builder": {"gc": {"enabled": true, "defaultReservedSpace": "20GB", "defaultMaxUsedSpace": "20GB", "defaultMinFreeSpace": "1GB"}},'
}
