package dev

import (
	"fmt"
	"os"
	"sync"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/progress"
	"vz.internal/vzcontract"
	"vz.internal/vzsandbox/devenv"
	"vz.internal/vzsandbox/devfile"
)

// Commands returns the verbs.
func Commands() []command.Command {
	all := []command.Command{
		{Name: "init", Help: "Write a vz.json for the project in this directory", New: func() command.Verb { return new(initCmd) }},
		{Name: "dev run", Help: "Run a program in the project's environment", Workload: true, Failures: command.FailRun, New: func() command.Verb { return new(run) }},
		{Name: "dev shell", Help: "Open a shell in the project's environment", Workload: true, Failures: command.FailRun, New: func() command.Verb { return new(shell) }},
		{Name: "dev status", Help: "Show the project's environment", New: func() command.Verb { return new(status) }},
		{Name: "dev logs", Help: "Show what the setup commands wrote", Workload: true, New: func() command.Verb { return new(logs) }},
		{Name: "dev stop", Help: "Stop the project's environment", New: func() command.Verb { return new(stop) }},
	}
	for i := range all {
		all[i].Group = command.GroupDev
	}
	return all
}

// A place is the project that vz is called in, and what manages its environment.
type place struct {
	devenv.Project
	*devenv.Manager
	dir   string // where vz is called
	close func() // ends what is shown of a pull
}

// open finds the project of the current directory, by devenv.Open or Find.
func open(env *command.Env, find func(dir string) (devenv.Project, error)) (place, error) {
	dir, err := os.Getwd()
	if err != nil {
		return place{}, err
	}
	p, err := find(dir)
	if err != nil {
		return place{}, err
	}
	if env.Globals.Backend == "auto" {
		env.Globals.Backend = devfile.Backends[p.File.Backend]
	}
	s, err := env.Services()
	if err != nil {
		return place{}, err
	}
	m := &devenv.Manager{Backend: s.Backend, Home: s.Home, Run: s.Run}
	shown := place{Project: p, Manager: m, dir: dir, close: func() {}}
	if env.Globals.Quiet {
		return shown, nil
	}
	m.Tell = func(line string) { fmt.Fprintln(env.Stderr, "vz: "+command.OneLine(line)) }
	m.Output = env.Stderr
	display := sync.OnceValue(func() progress.Display { return progress.New(env, false) })
	var used bool
	m.Progress = func(p vzcontract.PullProgress) {
		used = true
		display().Update(p)
	}
	shown.close = func() {
		if used {
			display().Close()
		}
	}
	return shown, nil
}
