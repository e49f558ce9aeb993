// Package plan compares what a project should be with what there is and says
// which steps lead from one to the other.
//
// [Make] is a pure function. Steps form a graph: each names the steps that
// must have ended before it, so whoever executes them can do as much at once as
// the graph allows.
package plan
