package dev

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
	"vz.internal/vzsandbox/devenv"
)

type status struct {
	Format string `placeholder:"FORMAT" help:"table, json or a Go template."`
}

var listing = output.Listing{Columns: []string{"Name", "State", "Image", "User", "Workspace", "Ports"}}

// Run implements command.Verb.
func (c *status) Run(env *command.Env) error {
	at, err := open(env, devenv.Open)
	if err != nil {
		return err
	}
	s, err := at.Status(env.Ctx, at.Project)
	if err != nil {
		return err
	}
	return listing.Print(env.Stdout, env.Listing(c.Format, false), []output.Row{row(s)})
}

func row(s devenv.Status) output.Row {
	state := string(s.State)
	switch {
	case state == "":
		state = "none"
	case s.Changed:
		state += ", vz.json has changed"
	}
	return output.Row{
		"Project": s.Project, "Name": s.Name, "State": state, "Changed": s.Changed, "Image": s.Image, "RunsImage": s.RunsImage,
		"Workspace": s.Workspace, "User": s.User, "Backend": s.Backend, "Ports": ports(s.Ports),
	}
}

func ports(published []vzcontract.PublishedPort) string {
	var all []string
	for _, p := range published {
		all = append(all, fmt.Sprintf("%s->%d/%s", net.JoinHostPort(p.HostIP, strconv.Itoa(int(p.HostPort))), p.ContainerPort, p.Protocol))
	}
	return strings.Join(all, ", ")
}

type logs struct{}

// Run implements command.Verb.
func (c *logs) Run(env *command.Env) error {
	at, err := open(env, devenv.Find)
	if err != nil {
		return err
	}
	log, err := at.Log(at.Project)
	if err != nil {
		return err
	}
	_, err = io.Copy(env.Stdout, log)
	return errors.Join(err, log.Close())
}

type stop struct {
	Rm bool `help:"Remove the environment too; the outcome of its setup stays."`
}

// Run implements command.Verb.
func (c *stop) Run(env *command.Env) error {
	at, err := open(env, devenv.Find)
	if err != nil {
		return err
	}
	end := at.Stop
	if c.Rm {
		end = at.Remove
	}
	if err := end(env.Ctx, at.Project); err != nil {
		return err
	}
	return command.PrintLine(env, at.Name())
}
