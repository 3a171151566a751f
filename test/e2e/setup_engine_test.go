//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/moby/client"

	"github.com/dockergpu/docker-gpu/hostsetup/setup/apply"
	dockerapi "github.com/dockergpu/docker-gpu/internal/engine"
)

// setupRoot has the machine of the tests of setup: its engine, its toolkit, and nothing that
// other tests use. Where systemd is to run it, setup takes the folder for "/".
const (
	setupRoot = "/tmp/e-setup"
	setupPort = "5058"
	// engineTakes is how long an engine may take to start or to stop.
	engineTakes = 20 * time.Second
)

// daemon is the engine of a machine that is set up. It is plain data, so that a process that
// will be killed can be handed it.
type daemon struct {
	Home string // the engine's folder
	Exe  string // dockerd's file
	Env  []string
	// Flags are what it is started with beside its configuration file.
	Flags []string
}

func (d *daemon) file() string { return filepath.Join(d.Home, "daemon.json") }

// pid is that of the engine, 0 where none runs.
func (d *daemon) pid() int {
	data, err := os.ReadFile(filepath.Join(d.Home, "pid"))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid == 0 {
		return 0
	}
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil || exe != d.Exe {
		return 0
	}
	return pid
}

func (d *daemon) down() error {
	pid := d.pid()
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	for most := time.Now().Add(engineTakes); d.pid() != 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(most) {
			return fmt.Errorf("dockerd %d does not end within %s", pid, engineTakes)
		}
	}
	return nil
}

// up starts it, and comes back when it answers, or has ended.
func (d *daemon) up() error {
	log, err := os.OpenFile(filepath.Join(d.Home, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	c := exec.Command(d.Exe, append([]string{"--config-file", d.file()}, d.Flags...)...)
	c.Args[0] = "dockerd"
	c.Env, c.Stdout, c.Stderr = d.Env, log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives whoever starts it
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for most := time.Now().Add(engineTakes); ; time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			return fmt.Errorf("dockerd ended with %s", c.ProcessState)
		default:
		}
		if _, err := d.engine(context.Background()); err == nil || time.Now().After(most) {
			return err
		}
	}
}

func (d *daemon) open() (*dockerapi.Engine, error) {
	api, err := client.New(client.WithHost("unix://" + filepath.Join(d.Home, "docker.sock")))
	if err != nil {
		return nil, err
	}
	return dockerapi.New(api, &configfile.ConfigFile{}), nil
}

// engine is what setup compares before and after.
func (d *daemon) engine(ctx context.Context) (*apply.Engine, error) {
	e, err := d.open()
	if err != nil {
		return nil, err
	}
	defer e.API.Close()
	facts := e.Facts(ctx)
	if facts.Version == "" {
		return nil, errors.New(facts.Error)
	}
	names, err := e.Running(ctx)
	out := &apply.Engine{Running: names, Store: facts.Store, LiveRestore: facts.LiveRestore}
	for name := range facts.Runtimes {
		out.Runtimes = append(out.Runtimes, name)
	}
	return out, err
}

// Run implements apply.Runner: it stands for a systemctl whose systemd runs this engine.
// Other programs are what they are.
func (d *daemon) Run(ctx context.Context, c apply.Command) (apply.Result, error) {
	if c.Argv[0] == "systemctl" {
		return d.systemctl(c.Argv[1])
	}
	argv := slices.Clone(c.Argv)
	if argv[0] == d.Exe && !strings.HasPrefix(argv[3], setupRoot) { // --validate --config-file FILE
		argv[3] = setupRoot + argv[3]
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(append([]string{}, d.Env...), c.Env...)
	var out, says bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &says
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return apply.Result{Code: cmd.ProcessState.ExitCode(), Out: out.Bytes(), Err: says.Bytes()}, err
}

func (d *daemon) systemctl(do string) (apply.Result, error) {
	var err error
	switch do {
	case "show":
		state := map[bool]string{true: "active", false: "failed"}[d.pid() != 0]
		return apply.Result{Out: []byte("LoadState=loaded\nActiveState=" + state + "\nUnitFileState=enabled\n")}, nil
	case "reset-failed":
	case "reload":
		err = syscall.Kill(d.pid(), syscall.SIGHUP)
	case "restart":
		if err = d.down(); err == nil {
			err = d.up()
		}
	default:
		err = fmt.Errorf("systemctl %s is nothing that is done here", do)
	}
	if err != nil {
		return apply.Result{Code: 1, Err: []byte("Job for docker.service failed: " + err.Error())}, nil
	}
	return apply.Result{}, nil
}
