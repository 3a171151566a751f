# The variant buildkit: a buildkitd by itself, for buildx's "remote" driver. Its
# build steps share the host's network.

buildkitd_start() {
	local home path=$bin:$PATH
	home=$(state buildkit)
	[ "$(cat "$home/gpu")" != fake ] || path=$toolkit:$path
	cat >"$home/buildkitd.toml" <<-T
		root = "$home/data"
		insecure-entitlements = ["device", "network.host"]
		[grpc]
		  address = ["unix://$home/buildkitd.sock"]
		[otel]
		  socketPath = "$home/otel.sock"
		[cdi]
		  specDirs = ["$home/cdi"]
		[worker.oci]
		  enabled = true
		  snapshotter = "overlayfs"
		  binary = "$bin/runc"
		  networkMode = "host"
		  reservedSpace = "20GB"
		  maxUsedSpace = "20GB"
		  minFreeSpace = "1GB"
		[worker.containerd]
		  enabled = false
		[registry."$registry"]
		  http = true
	T
	PATH=$path launch "$home/log" buildkitd --config "$home/buildkitd.toml"
	local pid=$!
	say "$pid" >"$home/pid"
	wait_for 30 buildkitd_answers_or_ended "$pid"
	buildkitd_answers || die "buildkitd did not start: $home/log
$(tail -n 15 "$home/log")"
}

# buildkitd has no client of its own here, and says so when it listens.
buildkitd_answers() {
	running "$(state buildkit)/pid" "$(state buildkit)" && grep -q 'running server on' "$(state buildkit)/log"
}
buildkitd_answers_or_ended() { buildkitd_answers || gone "$1"; }
