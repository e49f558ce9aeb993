// Package dashboard is the page of vz stack dashboard: services with state,
// health, processor, memory and ports; what happens; what they write.
//
// The page is a pure function of a model, which messages change; [Run] connects
// it to a terminal.
package dashboard
