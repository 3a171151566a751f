package probe

import (
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestUnits(t *testing.T) {
	const out = `LoadState=loaded
Id=docker.service
ActiveState=active
UnitFileState=enabled

Id=nvidia-fabricmanager.service
LoadState=not-found
ActiveState=inactive
UnitFileState=

Id=nvidia-cdi-refresh.path
LoadState=loaded
ActiveState=failed
UnitFileState=disabled
`
	command := "systemctl show --no-pager --property=Id,LoadState,ActiveState,UnitFileState " + strings.Join(unitNames(), " ")
	want := []host.Unit{{Name: "docker.service", Active: "active", Enabled: "enabled"}, {Name: "nvidia-cdi-refresh.path", Active: "failed", Enabled: "disabled"}}
	for name, c := range map[string]struct {
		out  string
		err  error
		want []host.Unit
		why  string
	}{
		"answers":       {out, nil, want, ""},
		"fails in part": {out, errors.New("exit status 4"), want, ""},
		"does not":      {"", errors.New("exit status 1"), nil, "systemd's units cannot be read: exit status 1"},
		"says nonsense": {"\n\n\nhello\n\n=\n", nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := fake(t, files{"run/systemd/system/": ""})
			m.run = says(t, command, c.out, c.err)
			h := one(t, m, readUnits)
			assert.DeepEqual(t, h.Units, c.want)
			assert.Equal(t, h.Unread["it"], c.why)
		})
	}
	// From outside it cannot be asked, and that is said where it runs.
	h := one(t, fake(t, files{"run/systemd/system/": ""}), readUnits)
	assert.DeepEqual(t, h, host.Host{Unread: map[string]string{"it": "systemd cannot be asked from outside of the machine"}})
	// Without systemd its program may be there and would complain.
	m := fake(t, nil)
	m.run = says(t, "nothing", "", nil)
	assert.DeepEqual(t, one(t, m, readUnits), host.Host{})
}

func TestStuckProcesses(t *testing.T) {
	line := func(name, state string) string {
		return "7 (" + name + ") " + state + strings.Repeat(" 0", 18) + " 250 0 0\n"
	}
	h := one(t, fake(t, files{
		"proc/7/stat":  line("nvidia-smi", "D"),
		"proc/8/stat":  line("nvidia-smi", "S"),
		"proc/9/stat":  line("python3) D (x", "D"),
		"proc/9/stack": "[<0>] os_acquire_mutex+0x3d/0x50 [nvidia]\n[<0>] do_syscall_64\n",
		"proc/10/stat": line("jbd2/sda1-8", "D"),
		"proc/11/stat": "broken", "proc/12/stat": "12 (nvidia-x) D 1",
		"proc/self/stat": line("nvidia-y", "D"),
	}), readStuck)
	assert.DeepEqual(t, h.Stuck, []host.Process{{PID: 7, Name: "nvidia-smi"}, {PID: 9, Name: "python3) D (x"}})
	assert.DeepEqual(t, one(t, fake(t, nil), readStuck), host.Host{})
}
