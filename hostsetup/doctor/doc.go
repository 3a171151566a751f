// Package doctor judges a machine's facts. It is pure: a host.Host in, findings out,
// the same for a machine here, one behind an engine, and a recording of years ago.
//
// A Check is data and one pure function. Each file of the package holds the checks of
// one group; All lists them in the order in which causes come before what follows
// from them. A check that fails hides those that name it in After: one cause is told,
// and how many checks were not made because of it.
package doctor
