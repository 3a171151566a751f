package doctor

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

func TestVersions(t *testing.T) {
	driver := func(v string) func(h *host.Host) { return func(h *host.Host) { h.Driver.Version = v } }
	finds(t, "G020",
		sick{"570", "workstation", driver("570.195.03")},
		sick{"535 on RHEL", "mig-a100", driver("535.288.01")},
		sick{"390, older than the table", "workstation", driver("390.157")},
		sick{"a .run file", "laptop", func(h *host.Host) { driver("575.64")(h); h.Driver.Runfile = true }},
	)
	ignores(t, "G020", sick{"Windows' numbers", "wsl2", driver("566.14")}, sick{"no number", "workstation", driver("unknown")}, sick{"newer than the table", "workstation", driver("625.10")})
	finds(t, "V001",
		sick{"newer than the table", "workstation", driver("640.10.01")},
		sick{"between the rows", "workstation", driver("585.10")},
		sick{"new features", "laptop", driver("615.78.08")},
	)
	ignores(t, "V001", sick{"Windows' numbers", "wsl2", driver("591.44")})
	runc := func(v string) func(h *host.Host) { return func(h *host.Host) { h.Engine.RuncVersion = v } }
	finds(t, "V003",
		sick{"1.1.11", "workstation", runc("1.1.11")},
		sick{"1.3.0", "laptop", runc("1.3.0")},
		sick{"the distribution's", "workstation", func(h *host.Host) {
			runc("1.1.12-0ubuntu3.1")(h)
			h.Packages = append(h.Packages, host.Package{Name: "runc", Version: "1.1.12-0ubuntu3.1"})
		}},
		sick{"the distribution's by its number", "workstation", func(h *host.Host) { runc("1.1.5+ds1")(h); h.Packages = nil }},
		sick{"Docker Desktop", "workstation", func(h *host.Host) { runc("1.2.5")(h); h.Engine.Kind = "desktop" }},
	)
	ignores(t, "V003", sick{"1.2.8", "workstation", runc("1.2.8")}, sick{"1.3.3", "workstation", runc("v1.3.3")}, sick{"unknown", "workstation", runc("")})
	engine := func(v string) func(h *host.Host) { return func(h *host.Host) { h.Engine.Version = v } }
	finds(t, "V005", sick{"28", "workstation", engine("28.5.2")}, sick{"25 on RHEL", "mig-a100", engine("25.0.5")},
		sick{"24 without a GPU", "no-gpu-server", engine("24.0.9")})
	ignores(t, "V005",
		sick{"Amazon's 25", "laptop", func(h *host.Host) { engine("25.0.13")(h); on(h, "amzn", "fedora", "2023") }},
		sick{"Debian's", "workstation", func(h *host.Host) { engine("26.1.5+dfsg1")(h); h.Packages = []host.Package{{Name: "docker.io"}} }},
		sick{"Podman", "workstation", func(h *host.Host) { engine("5.4.2")(h); h.Engine.Kind = "podman" }},
		sick{"a newer one", "workstation", engine("30.0.0-rc.1")},
		sick{"one from before CDI, of which C069 tells", "workstation", engine("24.0.9")},
	)
}

// Ends of life come by themselves: the same recording is judged differently later.
func TestTimeChangesTheJudgement(t *testing.T) {
	h := recording(t, "healthy-laptop", nil) // driver 595, to the end of March 2027
	for day, want := range map[string]string{
		"2026-11-24": "", "2027-01-29": "", "2027-02-15": "V001", "2027-03-31": "V001", "2027-04-01": "G020",
	} {
		now, err := time.Parse(time.DateOnly, day)
		assert.NilError(t, err)
		r := Examine(h, branchChecks(), now)
		assert.Equal(t, strings.Join(codes(r.Findings), ","), want, day)
	}
}

func TestOldTablesSaySo(t *testing.T) {
	reviewed, err := time.Parse(time.DateOnly, policy.Reviewed)
	assert.NilError(t, err)
	assert.Equal(t, len(Examine(&host.Host{}, policyChecks(), reviewed.Add(180*24*time.Hour)).Findings), 0)
	var out strings.Builder
	for _, f := range Examine(&host.Host{}, policyChecks(), reviewed.Add(200*24*time.Hour)).Findings {
		write(&out, f)
	}
	goldenOf(t, "V006", "# 200 days\n"+out.String())
}
