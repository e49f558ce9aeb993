// Package system has the verbs about vz itself and the host.
package system

import "vz.internal/vzcli/internal/command"

// Commands returns the verbs.
func Commands() []command.Command {
	all := []command.Command{
		{Name: "events", Aliases: []string{"system events"}, Help: "Show what happens, as it happens", New: func() command.Verb { return new(events) }},
		{Name: "info", Aliases: []string{"system info"}, Help: "Describe the backend and what it holds", New: func() command.Verb { return new(info) }},
		{Name: "system df", Help: "Show what takes space", New: func() command.Verb { return new(df) }},
		{Name: "system resume", Help: "Start again what should run, in order, after a reboot of the host", New: func() command.Verb { return new(resume) }},
		{Name: "system prune", Help: "Remove all that is not in use", New: func() command.Verb { return new(prune) }},
		{Name: "version", Help: "Show the version", New: func() command.Verb { return new(version) }},
		{Name: "doctor", Help: "Say what this host can do, what is missing and how to get it", New: func() command.Verb { return new(doctor) }},
		{Name: "completion", Help: "Print completion for bash, zsh or fish", New: func() command.Verb { return new(completion) }},
		Completer(),
	}
	for i := range all {
		all[i].Group = command.GroupSystem
	}
	return all
}

// Completer returns the hidden verb that completion scripts call. Every program
// that shares vz's command line has it.
func Completer() command.Command {
	return command.Command{Name: "internal complete", Help: "Words that may follow", Hidden: true, New: func() command.Verb { return new(complete) }}
}
