// Package cards gives the one container of a guest the guest's network as its own: the
// cards of the machine, files in /etc, and the host's answers to questions for names.
package cards
