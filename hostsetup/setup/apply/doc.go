// Package apply carries out a plan as a transaction.
//
// Each kind of operation says how it stands (check), what there was (note), does it (do) and
// takes it back (undo). Before a step does anything, the journal has what there was; so
// after a kill at any point Resume reaches the goal and Rollback the start. A step that is
// done already writes nothing.
//
// A Machine makes the steps of one user: root's are made by a Helper, the same binary
// started by sudo, that takes a plan's typed operations and checks each of them again.
// A Setup joins the two, has the result proven, and rolls back what does not prove.
package apply
