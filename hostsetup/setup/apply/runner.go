package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/internal/bounded"
)

// Command is a program with its arguments; no shell ever reads it.
type Command struct {
	Argv []string
	// Env are variables beside those that every program gets.
	Env []string
	// Session lets it reach the user's own session: systemctl --user.
	Session bool
}

// Result is what a program said.
type Result struct {
	Code     int
	Out, Err []byte
}

// Runner runs programs. An error is a program that could not be started or did not end by
// itself; one that fails has a Code.
type Runner interface {
	Run(context.Context, Command) (Result, error)
}

// Exec runs programs of this machine, with an environment of its own.
type Exec struct {
	// Root is where the programs find themselves, as by chroot(8); "" is this machine.
	Root string
}

const mostOutput = 16 << 20

// usualPath is where programs are looked for (systemd.exec(5)).
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environ is what every program gets: messages in English, programs from the usual folders,
// and the proxies of the machine.
func Environ() []string {
	env := []string{"LC_ALL=C", "PATH=" + usualPath, "HOME=/"}
	return append(env, passed(proxies()...)...)
}

// passed are variables that are handed on.
func passed(names ...string) (env []string) {
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// Run implements Runner.
func (x Exec) Run(ctx context.Context, c Command) (Result, error) {
	path, err := lookup(x.Root, c.Argv[0])
	if err != nil {
		return Result{}, err
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args = slices.Clone(c.Argv)
	cmd.Env = append(Environ(), c.Env...)
	cmd.Dir = "/"
	if c.Session {
		cmd.Env = append(cmd.Env, passed("HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")...)
	}
	isolate(cmd, x.Root)
	stdout, stderr := &bounded.Writer{Most: mostOutput}, &bounded.Writer{Most: mostOutput}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	r := Result{Out: stdout.Bytes(), Err: stderr.Bytes()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		r.Code, err = exit.ExitCode(), nil
	}
	return r, err
}

// lookup finds a program in the usual folders below a root. The PATH of whoever called is
// not asked: it may be anything.
func lookup(root, name string) (string, error) {
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = nil
		for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
			candidates = append(candidates, dir+"/"+name)
		}
	}
	for _, path := range candidates {
		fi, err := os.Lstat(root + path)
		if err == nil && fi.Mode()&fs.ModeSymlink != 0 {
			if root != "" {
				return path, nil // it leads somewhere below the root
			}
			fi, err = os.Stat(path)
		}
		if err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
}

// program runs a program, logs it in the journal, and makes a failure of it an error that
// has its last words.
func (j *job) program(ctx context.Context, c Command) (Result, error) {
	r, err := j.try(ctx, c)
	if err == nil && r.Code != 0 {
		err = &Failed{Argv: c.Argv, Code: r.Code, Said: lastLines(r)}
	}
	return r, err
}

// try is program for one that may fail.
func (j *job) try(ctx context.Context, c Command) (Result, error) {
	start := j.now()
	r, err := j.Programs.Run(ctx, c)
	if j.run != nil {
		code := fmt.Sprint(r.Code)
		if err != nil {
			code = err.Error()
		}
		text := fmt.Sprintf("%s %s %q → %s (%s)\n%s%s", start.UTC().Format(time.RFC3339), j.step().ID, c.Argv, code,
			j.now().Sub(start).Round(time.Millisecond), indented(r.Out), indented(r.Err))
		if err := j.run.journal.Command(text); err != nil {
			j.say(Note, "the log of programs cannot be written: %v", err)
		}
		j.tell(Event{Run: j.run.ID, Step: j.step().ID, Kind: Program, Argv: c.Argv, Code: r.Code})
	}
	if err != nil {
		return r, fmt.Errorf("%s cannot be run: %w", c.Argv[0], err)
	}
	return r, nil
}

// Failed is a program that ended with another code than 0.
type Failed struct {
	Argv []string
	Code int
	Said string
}

// Error implements error.
func (f *Failed) Error() string {
	return strings.TrimRight(fmt.Sprintf("`%s` failed with code %d: %s", short(f.Argv), f.Code, f.Said), ": ")
}

// short is a command line without its options, which the log has.
func short(argv []string) string {
	var words []string
	for i, word := range argv {
		if i == 0 || !strings.HasPrefix(word, "-") && argv[i-1] != "-o" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

const mostSaid = 12 // lines of a program that failed, in the error

// lastLines are the last words of a program, those on standard error first; what it calls
// errors itself comes before what it says beside.
func lastLines(r Result) string {
	for _, data := range [][]byte{r.Err, r.Out} {
		text := strings.TrimSpace(string(data))
		if text == "" {
			continue
		}
		lines := strings.Split(text, "\n")
		if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "E: ") || strings.HasPrefix(l, "Error: ") }); i >= 0 {
			return strings.Join(lines[i:min(len(lines), i+mostSaid)], "\n")
		}
		return strings.Join(lines[max(0, len(lines)-mostSaid):], "\n")
	}
	return ""
}

// mostLogged are the lines of a program's output in the log: the last ones say what counts.
const mostLogged = 60

func indented(data []byte) string {
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	var out strings.Builder
	if more := len(lines) - mostLogged; more > 0 {
		fmt.Fprintf(&out, "    … %d lines\n", more)
		lines = lines[more:]
	}
	for _, line := range lines {
		if line != "" {
			out.WriteString("    " + line + "\n")
		}
	}
	return out.String()
}
