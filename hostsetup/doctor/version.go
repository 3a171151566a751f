package doctor

import "slices"

// versionChecks are of ends of life and of known vulnerabilities.
func versionChecks() []Check {
	return slices.Concat(branchChecks(), runtimeVersionChecks(), engineVersionChecks(), policyChecks())
}
