package doctor

import (
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// policyAge is how old the tables may be: about two releases of the driver.
const policyAge = 180 * 24 * time.Hour

// policyChecks are of our own knowledge.
func policyChecks() []Check {
	return []Check{{
		Code: "V006", Title: "the tables that hosts are judged by are fresh", Group: Version, Severity: Note,
		Cause: "Ends of life, vulnerabilities and error codes are tables in this program. Old tables say that all is well when it is not.",
		Run:   stale,
	}}
}

func stale(_ *host.Host, now time.Time) []Finding {
	reviewed, err := time.Parse(time.DateOnly, policy.Reviewed)
	if err != nil || now.Sub(reviewed) <= policyAge {
		return nil
	}
	return []Finding{told([]Evidence{saw("internal/policy", "reviewed on %s", policy.Reviewed)}, []Fix{manual("update docker gpu", None)},
		"the tables are %d days old", int(now.Sub(reviewed).Hours()/24))}
}
