# One registry for all variants. Its storage outlives it, so that base images
# are made once.

registry_start() {
	local home=$dir/registry
	mkdir -p "$home" "$cache/registry"
	if running "$home/pid" "$home"; then return; fi
	if port_open; then die "port $registry_port is taken; give the registry another with DOCKER_GPU_REGISTRY_PORT"; fi
	cat >"$home/config.yml" <<-Y
		version: 0.1
		log: {level: warn}
		storage:
		  filesystem: {rootdirectory: $cache/registry}
		  delete: {enabled: true}
		http: {addr: "127.0.0.1:$registry_port"}
	Y
	OTEL_TRACES_EXPORTER=none launch "$home/log" "$bin/registry" serve "$home/config.yml"
	say $! >"$home/pid"
	say "$registry_port" >"$home/port"
	wait_for 10 registry_answers || die "the registry does not answer on port $registry_port
$(tail -n 5 "$home/log")"
	say "registry    $registry"
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$registry_port") 2>/dev/null; }
registry_answers() { running "$dir/registry/pid" "$dir/registry" && port_open; }

registry_stop() {
	sweep "$dir/registry"
	rm -f "$dir/registry/pid"
}
