package plugin

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli-plugins/hooks"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/spf13/cobra"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// hookPatience is what may pass from the call to the answer. The process takes another
// 20 to 60 ms to start, and a user waits 300 ms at most.
const hookPatience = 220 * time.Millisecond

// answerer answers the Docker client after a command of somebody else's.
type answerer struct {
	facts   func(context.Context) host.Host
	explain func(text string, h *host.Host, now time.Time) []doctor.Answer
	checks  []doctor.Check
	dir     string // where the command was called
	now     time.Time
}

// answer is one line for a request, "" where there is nothing to say or any doubt. It
// comes back when ctx ends, at the latest.
func (a *answerer) answer(ctx context.Context, data string) string {
	var req hooks.Request
	if len(data) > 1<<20 || json.Unmarshal([]byte(data), &req) != nil || req.CommandError == "" {
		return "" // nonsense, or the command went well
	}
	said := make(chan string, 1)
	go func() {
		defer func() { // whatever goes wrong here is no business of the command before
			if recover() != nil {
				said <- ""
			}
		}()
		if exitCodeOnly.MatchString(req.CommandError) {
			said <- a.look(ctx, req)
		} else {
			said <- a.match(ctx, req.CommandError)
		}
	}()
	select {
	case line := <-said:
		return line
	case <-ctx.Done():
		return ""
	}
}

// exitCodeOnly is all that the client tells of a plugin's failure, such as buildx's.
var exitCodeOnly = regexp.MustCompile(`^(exit status|exited with code|exit code:?) \d+$`)

// match explains the engine's words. What only resembles something known is a doubt.
func (a *answerer) match(ctx context.Context, text string) string {
	known := func(answers []doctor.Answer) bool { return len(answers) > 0 && !answers[0].Near }
	if !known(a.explain(text, nil, a.now)) {
		return "" // not about GPUs: it is not worth a look at the host
	}
	h := a.facts(ctx)
	answers := a.explain(text, &h, a.now) // what was found on this host comes first
	if !known(answers) {
		return ""
	}
	best := answers[0]
	if len(best.Findings) > 0 {
		return hookLine(best.Findings[0].Code, best.Findings[0].Summary, mends(best.Fixes))
	}
	return hookLine(best.Code, best.Cause, "docker gpu explain "+best.Code) // doctor would find nothing
}

// look is for compose and build, of which the client tells no more than that they
// failed: only where their file asks for a GPU and this host has an error that takes GPUs
// from containers is there something to say.
func (a *answerer) look(ctx context.Context, req hooks.Request) string {
	var files []string
	switch {
	case strings.HasPrefix(req.RootCmd, "compose"):
		files = []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"}
	case strings.Contains(req.RootCmd, "build"):
		files = []string{"Dockerfile"}
	}
	if !slices.ContainsFunc(files, func(name string) bool { return asksForGPU(filepath.Join(a.dir, name)) }) {
		return ""
	}
	h := a.facts(ctx)
	if ctx.Err() != nil {
		return ""
	}
	for _, f := range doctor.Examine(&h, a.checks, a.now).Findings {
		if f.Severity == doctor.Error && (f.Group == doctor.Driver || f.Group == doctor.Toolkit || f.Group == doctor.Engine) {
			return hookLine(f.Code, f.Summary, mends(f.Fixes))
		}
	}
	return ""
}

var gpuWish = regexp.MustCompile(`(?m)^[^#\n]*(\bgpus\s*:|capabilities\s*:.*\bgpu\b|-\s*"?gpu"?\s*$|\bruntime\s*:\s*"?nvidia|--device[= ]nvidia\.com/gpu|nvidia\.com/gpu=)`)

// asksForGPU says whether a compose file or a Dockerfile names a GPU.
func asksForGPU(name string) bool {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return false // opening a pipe waits for a writer
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, 1<<20))
	return gpuWish.Match(data)
}

// mends is the one command that mends something, or else doctor, which tells all.
func mends(fixes []doctor.Fix) string {
	if len(fixes) == 0 || len(fixes[0].Argv) != 1 {
		return "docker gpu doctor"
	}
	line := shellLine(fixes[0].Argv[0])
	if fixes[0].Root {
		line = "sudo " + line
	}
	if len(line) > 80 {
		return "docker gpu doctor"
	}
	return line
}

// hookLine is the one line: of a longer text the sentences that fit, and what to run. It
// goes through the client's template, to which two braces mean something.
func hookLine(code, text, next string) string {
	const most = 140
	if len(text) > most {
		if end := strings.LastIndex(text[:most], ". "); end > 0 {
			text = text[:end]
		}
	}
	text = strings.TrimRight(clean(text, most), ".")
	if text == "" {
		return ""
	}
	return strings.ReplaceAll("docker gpu: "+text+" ("+code+"). Run: "+next, "{{", "{ {")
}

// quickFacts are those of the context that the environment and the client's
// configuration name, as far as they come in time: --context of the command before is
// not handed on to hooks.
func quickFacts(ctx context.Context) host.Host {
	file, err := config.Load(config.Dir())
	if err != nil {
		file = configfile.New("")
	}
	api, err := command.NewAPIClientFromFlags(cliflags.NewClientOptions(), file)
	if err != nil {
		return host.Host{}
	}
	defer api.Close()
	e := engine.New(api, file)
	machine := make(chan machineAnswer, 1)
	go func() {
		m := machineAnswer{why: onlyEngine("")} // there is no time for containers
		if e.Local {
			m = machineAnswer{host: probe.Local(ctx, probe.Options{Endpoint: e.Endpoint()})}
		}
		machine <- m
	}()
	answer := e.Facts(ctx)
	select {
	case m := <-machine:
		return merge(m, answer, "", e.Local)
	case <-ctx.Done():
		return host.Host{}
	}
}

// newHookAnswerCmd is what the Docker client runs: docker-gpu gpu docker-cli-plugin-hooks
// '{…}'. It never fails, writes one JSON object or nothing, and does not start the client
// up, which other commands do before they run. The client calls hooks on a terminal only.
func newHookAnswerCmd(cli command.Cli) *cobra.Command {
	return &cobra.Command{
		Use: metadata.HookSubcommandName, Short: "Answer the Docker client after a command", Hidden: true,
		Args: cobra.ArbitraryArgs, DisableFlagParsing: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), hookPatience)
			defer cancel()
			dir, _ := os.Getwd()
			a := &answerer{facts: quickFacts, explain: doctor.Explain, checks: doctor.All(), dir: dir, now: time.Now()}
			return writeAnswer(cli.Out(), a.answer(ctx, args[0]))
		},
	}
}

// writeAnswer writes what the client reads. A client that knows no hooks would show what
// it cannot read, so nothing to say is nothing at all.
func writeAnswer(w io.Writer, line string) error {
	if line == "" {
		return nil
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(hooks.Response{Type: hooks.NextSteps, Template: line})
}
