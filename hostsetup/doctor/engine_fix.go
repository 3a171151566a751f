package doctor

import (
	"fmt"
	"path"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// engineRestart restarts the engine in the way that it was installed.
func engineRestart(h *host.Host) Fix {
	fix := Fix{Title: "restart Docker", Root: true, Disruption: Restart, Argv: [][]string{{"systemctl", "restart", "docker"}}}
	switch {
	case h.Engine.Rootless:
		fix.Root, fix.Argv = false, [][]string{{"systemctl", "--user", "restart", "docker"}}
	case h.Engine.Kind == "snap":
		fix.Argv = [][]string{{"snap", "restart", "docker"}}
	case h.Engine.Kind == "desktop":
		fix.Root, fix.Argv = false, [][]string{{"docker", "desktop", "restart"}}
	}
	switch {
	case h.Engine.LiveRestore:
		fix.Title += " (live-restore is on: running containers stay up)"
	case h.Engine.Running == 1:
		fix.Title += " (1 running container stops and starts again only by its restart policy)"
	case h.Engine.Running > 1:
		fix.Title += fmt.Sprintf(" (%d running containers stop and start again only by their restart policies)", h.Engine.Running)
	}
	return fix
}

// engineReload makes the engine read daemon.json again: enough for runtimes,
// default-runtime, live-restore and labels, not for CDI, which it sets up as it starts.
// Source: moby daemon/reload.go and daemon/command/daemon.go; 2026-11-23.
func engineReload(h *host.Host) Fix {
	if h.Engine.Kind == "snap" || h.Engine.Kind == "desktop" {
		return engineRestart(h)
	}
	if h.Engine.Rootless {
		return Fix{Title: "have Docker read daemon.json again", Disruption: Reload, Argv: [][]string{{"systemctl", "--user", "reload", "docker"}}}
	}
	return Fix{Title: "have Docker read daemon.json again", Root: true, Disruption: Reload, Argv: [][]string{{"systemctl", "reload", "docker"}}}
}

// configure has nvidia-ctk change daemon.json, keeping a copy, and Docker take it in;
// by hand where the file is not one that a command can name.
func configure(h *host.Host, title string, then Fix, options ...string) Fix {
	name := configFile(h)
	then.Title = title
	unseen := !has(h, Local) || h.Unread["dockerd"] != "" // a copy of what may be there cannot be promised
	if unseen || !path.IsAbs(name) || h.Engine.Kind == "snap" || h.Engine.Kind == "desktop" {
		then.Argv = nil
		return then
	}
	again := then.Argv
	argv := append([]string{"nvidia-ctk", "runtime", "configure", "--runtime=docker", "--config=" + name}, options...)
	then.Argv, then.Undo = slices.Concat([][]string{argv}, again), slices.Concat([][]string{{"rm", "--", name}}, again)
	if h.Engine.Config != "" {
		then.Argv = slices.Insert(then.Argv, 0, []string{"cp", "-a", "--", name, name + ".before"})
		then.Undo[0] = []string{"mv", "--", name + ".before", name}
	}
	return then
}
