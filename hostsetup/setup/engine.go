package setup

import (
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// daemonJSON is the file that the engine reads, "" where that is not known.
func (p *planner) daemonJSON() string {
	switch {
	case p.h.Engine.ConfigFile != "":
		if !plainPath.MatchString(p.h.Engine.ConfigFile) {
			return ""
		}
		return p.h.Engine.ConfigFile
	case p.h.Engine.Rootless:
		return ""
	}
	return "/etc/docker/daemon.json"
}

// engineSteps change daemon.json once for all parts, and have the engine take it up in the
// least disruptive way: by a reload, else by a restart that leaves containers running, else
// by one that the user consents to.
func (p *planner) engineSteps() {
	d := &p.daemon
	if len(d.edits) == 0 && len(d.reload) == 0 && len(d.restart) == 0 {
		return
	}
	part := d.part
	if part == "" {
		part = RuntimePart
	}
	file := p.daemonJSON()
	switch {
	case p.h.Engine.ConfigError != "":
		p.left(part, "%s cannot be used (%s), and Docker would not come back from a restart with it: mend it first, `docker gpu doctor` says how", file, p.h.Engine.ConfigError)
		return
	case p.h.Unread[daemonSource] != "":
		p.left(part, "%s cannot be seen (%s): plan as one who may read it", file, p.h.Unread[daemonSource])
		return
	case file == "" && len(d.edits) > 0:
		p.left(part, "where this Docker has its daemon.json is not known: set %s there, and restart it", editNames(d.edits))
		return
	}
	for _, e := range d.edits {
		if e.Key[0] != "runtimes" && e.Key[0] != "features" && flagged(p.h, e.Key[0]) {
			p.left(part, "dockerd's command line sets --%s, and Docker does not start with the same in daemon.json: change it where dockerd is started", e.Key[0])
			return
		}
	}
	if len(d.edits) > 0 {
		p.daemonStep("edit", part, "set "+editNames(d.edits)+" in "+file, strings.Join(append(append([]string{}, d.restart...), d.reload...), "; "), d.edits)
	}
	switch {
	case p.driver.reboot != "":
		return // the engine starts anew with the machine
	case len(d.restart) > 0 && p.restart(part):
		return // it does for the reload
	case len(d.reload) > 0:
		p.reload("reload", part, strings.Join(d.reload, "; "))
	}
}

// editNames are the changed keys in words: "features.cdi".
func editNames(edits []Edit) string {
	var names []string
	for _, e := range edits {
		names = append(names, strings.Join(e.Key, "."))
	}
	return listed(names)
}

func (p *planner) daemonStep(id string, part Part, title, why string, edits []Edit) {
	op := &Daemon{Path: p.daemonJSON(), Edits: edits}
	if policy.EngineValidates(p.engine.version) {
		op.Dockerd = p.h.Engine.Binary
		if p.engine.fresh {
			op.Dockerd = "/usr/bin/dockerd"
		}
	}
	p.step(Step{ID: "runtime/" + id, Part: part, Title: title, Why: why, Root: !p.h.Engine.Rootless, Op: Op{Daemon: op}, Disruption: doctor.None})
}

// unitOp is what has the engine do something, by whatever started it; false where only that
// can.
func (p *planner) unitOp(do string) (Op, bool) {
	switch {
	case p.engine.fresh, systemd(p.h) && !p.h.Engine.Rootless:
		return Op{Unit: &Unit{Name: "docker.service", Do: do}}, true
	case p.h.Engine.Rootless && p.h.OS.Container == "":
		return Op{Unit: &Unit{Name: "docker.service", Do: do, User: true}}, true
	case do == "reload" && p.h.Engine.PID != 0:
		return Op{Unit: &Unit{Name: "docker.service", Do: do, PID: p.h.Engine.PID}}, true
	}
	return Op{}, false
}

func (p *planner) reload(id string, part Part, why string) {
	op, ok := p.unitOp("reload")
	if !ok {
		p.left(part, "Docker was not started by systemd, and its process is not known: have it read daemon.json again (SIGHUP)")
		return
	}
	p.step(Step{ID: "runtime/" + id, Part: part, Title: "have Docker read daemon.json again", Why: why, Root: !p.h.Engine.Rootless, Op: op, Disruption: doctor.Reload})
}

// restart restarts the engine where nothing runs on it, where what runs is kept, or where
// the user consents. Else it says what is left, and false.
func (p *planner) restart(part Part) bool {
	d := &p.daemon
	why := strings.Join(d.restart, "; ")
	running, consent := p.mayRun(), p.w.AllowRestart
	op, ok := p.unitOp("restart")
	manual := "`systemctl restart docker`"
	switch {
	case !ok:
		manual = "in the way in which it was started, as systemd did not"
	case p.h.Engine.Rootless:
		manual = "`systemctl --user restart docker`"
	}
	switch keep := p.keepable(); {
	case d.gpus && !ok:
		p.left(part, "%s: until Docker is restarted, %s, use `docker run --device nvidia.com/gpu=all`, which works without", why, manual)
	case d.gpus && running && !consent:
		p.left(part, "%s: until Docker is restarted (--allow-restart, or %s), use `docker run --device nvidia.com/gpu=all`, which works without", why, manual)
	case !ok:
		p.left(part, "%s: restart it %s", why, manual)
	case running && keep == "" && !p.h.Engine.LiveRestore:
		p.keepRunning(part, why, op)
		return true
	case running && !consent && keep != "":
		p.left(part, "%s: containers run, and a restart stops them (%s). --allow-restart consents to it, or %s when it suits", why, keep, manual)
	default:
		p.restartStep(part, why, op, running)
		return true
	}
	return false
}

func (p *planner) restartStep(part Part, why string, op Op, running bool) {
	title := "restart Docker"
	switch {
	case running && (p.h.Engine.LiveRestore || p.keepable() == ""):
		title += "; running containers stay up (live-restore)"
	case running:
		title += "; running containers stop, and start again by their restart policies only"
	default:
		title += "; no container runs"
	}
	p.step(Step{ID: "runtime/restart", Part: part, Title: title, Why: why, Root: !p.h.Engine.Rootless, Op: op, Disruption: doctor.Restart})
}

// keepable says why a restart cannot leave containers running, "" where it can: live-restore
// is one of the settings that a reload changes.
// Source: docs.docker.com/engine/daemon/live-restore; moby daemon/reload_unix.go; 2026-11-23.
func (p *planner) keepable() string {
	h := p.h
	_, canReload := p.unitOp("reload")
	switch {
	case h.Engine.Version == "":
		return "Docker does not say what runs"
	case h.Engine.Swarm.State != "" && h.Engine.Swarm.State != "inactive":
		return "live-restore does not go together with Swarm"
	case h.Engine.Rootless:
		return "a rootless engine takes its containers along"
	case h.Engine.LiveRestore:
		return ""
	case flagged(h, "live-restore"):
		return "dockerd's command line forbids live-restore"
	case p.daemonJSON() == "" || !canReload:
		return "live-restore cannot be switched on here"
	}
	return ""
}

// keepRunning switches live-restore on for the time of a restart. Afterwards it has to be
// switched off by its value: a key that is gone keeps what it said until the next restart
// (policy.DaemonReload).
func (p *planner) keepRunning(part Part, why string, restart Op) {
	_, set := config(p.h)["live-restore"].(bool)
	key := []string{"live-restore"}
	p.daemonStep("keep", part, "switch live-restore on for the restart", "running containers then stay up while Docker restarts", []Edit{{Key: key, Value: value(true)}})
	p.reload("keep-reload", part, "live-restore counts from then on")
	p.restartStep(part, why, restart, true)
	p.daemonStep("keep-off", part, "switch live-restore off again", "it was on for the restart only", []Edit{{Key: key, Value: value(false)}})
	p.reload("keep-off-reload", part, "live-restore is off from then on")
	const gone = "what it says is what Docker does without it"
	switch {
	case set:
	case p.h.Engine.ConfigFile == "" && len(p.daemon.edits) == 0:
		p.step(Step{ID: "runtime/keep-back", Part: part, Title: "remove daemon.json again", Why: "there was none before, and " + gone, Root: true, Op: Op{File: &File{Path: p.daemonJSON(), Absent: true}}})
	default:
		p.daemonStep("keep-back", part, "take live-restore out of daemon.json again", gone, []Edit{{Key: key}})
	}
}
