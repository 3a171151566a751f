//go:build race

package doctor

// slower is how much longer code takes under the race detector, which watches each access.
const slower = 20
