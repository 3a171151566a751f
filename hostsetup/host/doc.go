// Package host says what a machine is, in plain structs whose JSON is public: what
// `docker gpu doctor --record` writes and --replay reads. It is a leaf, holds no
// judgement and reads nothing; hostsetup/probe fills it, hostsetup/doctor judges it.
//
// Nothing that is missing is an error: a field that could not be read is its zero
// value, and Host.Unread says why. Sizes are bytes, temperatures degrees Celsius,
// powers watts, clocks MHz, durations nanoseconds unless a field says otherwise.
package host
