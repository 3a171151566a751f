//go:build race

package apply

// every is how many points of the journal there are from one kill to the next: a process
// under the race detector starts slowly. `make unit` kills at all of them without it.
const every = 7
