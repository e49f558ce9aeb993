package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
	"vz.internal/vzstack"
)

type top struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Services; all without."`
}

// Run implements command.Verb.
func (c *top) Run(env *command.Env) error {
	s, name, _, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	all, err := s.Containers(env.Ctx, name)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.State != vzcontract.StateRunning || len(c.Services) > 0 && !slices.Contains(c.Services, one.Service) {
			continue
		}
		if err := command.PrintLine(env, one.Name); err != nil {
			return err
		}
		if err := container.Top(env, one.ID); err != nil {
			return err
		}
		if err := command.PrintLine(env, ""); err != nil {
			return err
		}
	}
	return nil
}

type port struct {
	*project    `kong:"-"`
	Service     string `arg:"" help:"Service."`
	PrivatePort string `arg:"" optional:"" placeholder:"PORT" help:"The container's port; all without."`
	Protocol    string `default:"tcp" help:"tcp or udp."`
	Index       int    `placeholder:"N" help:"Which replica."`
}

// Run implements command.Verb.
func (c *port) Run(env *command.Env) error {
	s, name, _, err := c.named(env, []string{c.Service})
	if err != nil {
		return err
	}
	one, err := s.Container(env.Ctx, name, c.Service, c.Index)
	if err != nil {
		return err
	}
	private, proto, hasProto := strings.Cut(c.PrivatePort, "/")
	if !hasProto {
		proto = c.Protocol
	}
	found := false
	for _, p := range one.Ports {
		address := net.JoinHostPort(p.HostIP, strconv.Itoa(int(p.HostPort)))
		inner := strconv.Itoa(int(p.ContainerPort))
		switch {
		case c.PrivatePort == "":
			fmt.Fprintf(env.Stdout, "%s/%s -> %s\n", inner, p.Protocol, address)
		case inner == private && p.Protocol == proto:
			fmt.Fprintln(env.Stdout, address)
		default:
			continue
		}
		found = true
	}
	if !found && c.PrivatePort != "" {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "no port %s/%s of container %s is published", private, proto, one.Name)
	}
	return nil
}

type images struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Services; all without."`
	Format   string   `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet    bool     `short:"q" help:"Show ids only."`
}

var imageListing = output.Listing{
	Columns: []string{"ContainerName", "Repository", "Tag", "Platform", "ID", "Size"}, Quiet: "ID",
	Headers: map[string]string{"ContainerName": "CONTAINER", "ID": "IMAGE ID"},
}

// Run implements command.Verb.
func (c *images) Run(env *command.Env) error {
	s, name, _, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	services, err := env.Services()
	if err != nil {
		return err
	}
	all, err := s.Containers(env.Ctx, name)
	if err != nil {
		return err
	}
	var rows []output.Row
	for _, one := range all {
		if len(c.Services) > 0 && !slices.Contains(c.Services, one.Service) || one.Image == "" {
			continue
		}
		repository, tag := one.Image, "latest"
		if at := strings.LastIndex(repository, ":"); at > strings.LastIndex(repository, "/") {
			repository, tag = repository[:at], repository[at+1:]
		}
		row := output.Row{
			"ContainerName": one.Name, "Repository": repository, "Tag": tag, "ID": output.ShortID(one.ImageID), "Platform": "", "Size": "N/A",
		}
		if services.Images != nil {
			info, err := services.Images.InspectImage(env.Ctx, one.ImageID)
			switch {
			case err == nil:
				row["Platform"], row["Size"] = info.OS+"/"+info.Architecture, output.Size(info.Size)
			case !errors.Is(err, vzcontract.ErrNotFound):
				return err
			}
		}
		rows = append(rows, row)
	}
	return imageListing.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows)
}

type events struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Services; all without."`
	Since    string   `placeholder:"TIME" help:"From a time or age on."`
	Until    string   `placeholder:"TIME" help:"Up to a time or age; without, it goes on."`
}

// Run implements command.Verb.
func (c *events) Run(env *command.Env) error {
	now := time.Now()
	var o vzcontract.EventOptions
	var err error
	if o.Since, err = command.ParseTime("since", c.Since, now); err != nil {
		return err
	}
	if o.Until, err = command.ParseTime("until", c.Until, now); err != nil {
		return err
	}
	s, name, _, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(env.Stdout)
	encoder.SetEscapeHTML(false)
	err = s.Events(env.Ctx, name, o, func(e vzstack.Event) error {
		if len(c.Services) > 0 && !slices.Contains(c.Services, e.Service) {
			return nil
		}
		if env.Globals.JSON {
			return encoder.Encode(e)
		}
		_, err := fmt.Fprintln(env.Stdout, e)
		return err
	})
	if errors.Is(err, context.Canceled) {
		return nil // ctrl-C is how it ends
	}
	return err
}

type cp struct {
	*project   `kong:"-"`
	Source     string `arg:"" help:"SERVICE:PATH, a path, or - for a tar archive on stdin."`
	Target     string `arg:"" help:"A path, SERVICE:PATH, or - for a tar archive on stdout."`
	Archive    bool   `short:"a" help:"Keep numeric owners."`
	FollowLink bool   `short:"L" help:"Copy what a link at the source leads to."`
	Index      int    `placeholder:"N" help:"Which replica."`
}

// Run implements command.Verb.
func (c *cp) Run(env *command.Env) error {
	source, err := c.resolve(env, c.Source)
	if err != nil {
		return err
	}
	target, err := c.resolve(env, c.Target)
	if err != nil {
		return err
	}
	return container.Copy(env, container.CopyArgs{Source: source, Target: target, Archive: c.Archive, FollowLink: c.FollowLink})
}

// resolve puts a container's name in the place of a service's.
func (c *cp) resolve(env *command.Env, word string) (string, error) {
	service, path, ok := strings.Cut(word, ":")
	if !ok || strings.HasPrefix(word, "/") || strings.HasPrefix(word, ".") {
		return word, nil
	}
	s, name, _, err := c.named(env, []string{service})
	if err != nil {
		return "", err
	}
	one, err := s.Container(env.Ctx, name, service, c.Index)
	return one.Name + ":" + path, err
}

type version struct {
	Short  bool   `help:"Show the number alone."`
	Format string `short:"f" placeholder:"FORMAT" help:"pretty or json."`
}

// Run implements command.Verb.
func (c *version) Run(env *command.Env) error {
	text := "vz stack"
	if c.Short {
		text = "1"
	}
	return command.PrintLine(env, text)
}
