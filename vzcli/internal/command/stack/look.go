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
	"text/tabwriter"
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
	services, err := env.Services()
	if err != nil {
		return err
	}
	topper, err := command.Need[vzcontract.Topper](services, vzcontract.FeatureTop)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Stdout, 4, 1, 2, ' ', 0)
	headed := false
	for _, one := range all {
		if one.State != vzcontract.StateRunning || len(c.Services) > 0 && !slices.Contains(c.Services, one.Service) {
			continue
		}
		processes, err := topper.Top(env.Ctx, one.ID)
		if err != nil {
			return err
		}
		for i, cells := range container.Processes(processes) {
			first := []string{one.Service, strconv.Itoa(one.Number)}
			if i == 0 {
				if headed {
					continue
				}
				first, headed = []string{"SERVICE", "#"}, true
			}
			if _, err := fmt.Fprintln(w, strings.Join(append(first, cells...), "\t")); err != nil {
				return err
			}
		}
	}
	return w.Flush()
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
			fmt.Fprintln(env.Stdout, address) // one, as scripts expect: that of IPv6 has the same port
			return nil
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
	Columns: []string{"ContainerName", "Repository", "Tag", "Platform", "ID", "Size", "CreatedSince"}, Quiet: "ID", Array: true,
	Headers: map[string]string{"ContainerName": "CONTAINER", "ID": "IMAGE ID", "CreatedSince": "CREATED"},
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
		row := output.Row{"ContainerName": one.Name, "Repository": repository, "Tag": tag, "ID": one.ImageID, "Platform": "", "Size": "N/A", "CreatedSince": "N/A"}
		if services.Images != nil {
			info, err := services.Images.InspectImage(env.Ctx, one.ImageID)
			switch {
			case err == nil:
				imageFacts(row, info, c.Format == "json" || env.Globals.JSON)
			case !errors.Is(err, vzcontract.ErrNotFound):
				return err
			}
		}
		switch {
		case c.Quiet && slices.ContainsFunc(rows, func(r output.Row) bool { return r["ID"] == quietID(one.ImageID) }):
			continue // -q names each image once
		case c.Quiet:
			row["ID"] = quietID(one.ImageID)
		case c.Format != "json" && !env.Globals.JSON:
			row["ID"] = output.ShortID(one.ImageID)
		}
		rows = append(rows, row)
	}
	return imageListing.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows)
}

// quietID is an image's id as docker compose images -q has it.
func quietID(id string) string { return strings.TrimPrefix(id, "sha256:") }

// imageFacts adds what the image itself says: in words for people, as numbers
// and times for programs.
func imageFacts(row output.Row, info vzcontract.ImageInfo, raw bool) {
	row["Platform"] = info.OS + "/" + info.Architecture
	if raw {
		row["Size"], row["Created"], row["LastTagTime"] = info.Size, info.Created, info.Created
		delete(row, "CreatedSince")
		return
	}
	row["Size"], row["CreatedSince"] = output.Size(info.Size), output.Ago(time.Now(), info.Created)
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
	Index      int    `placeholder:"N" help:"Which replica; without, the first one, or all where files are copied to the service."`
	All        bool   `help:"Copy to containers of run too."`
}

// Run implements command.Verb.
func (c *cp) Run(env *command.Env) error {
	source, err := c.resolve(env, c.Source)
	if err != nil {
		return err
	}
	targets := []string{c.Target}
	if c.Source != "-" && c.Index == 0 {
		targets, err = c.replicas(env)
	} else {
		targets[0], err = c.resolve(env, c.Target)
	}
	if err != nil {
		return err
	}
	errs := make([]error, 0, len(targets))
	for _, target := range targets {
		errs = append(errs, container.Copy(env, container.CopyArgs{Source: source, Target: target, Archive: c.Archive, FollowLink: c.FollowLink}))
	}
	return errors.Join(errs...)
}

// ofService parts SERVICE:PATH; a path of the host that holds a colon starts
// with / or ".".
func ofService(word string) (service, path string, ok bool) {
	service, path, ok = strings.Cut(word, ":")
	return service, path, ok && !strings.HasPrefix(word, "/") && !strings.HasPrefix(word, ".")
}

// resolve puts a container's name in the place of a service's.
func (c *cp) resolve(env *command.Env, word string) (string, error) {
	service, path, ok := ofService(word)
	if !ok {
		return word, nil
	}
	s, name, _, err := c.named(env, []string{service})
	if err != nil {
		return "", err
	}
	one, err := s.Container(env.Ctx, name, service, c.Index)
	return one.Name + ":" + path, err
}

// replicas are the places that the target stands for: that of each container of
// the service.
func (c *cp) replicas(env *command.Env) ([]string, error) {
	service, path, ok := ofService(c.Target)
	if !ok {
		return []string{c.Target}, nil
	}
	s, name, _, err := c.named(env, []string{service})
	if err != nil {
		return nil, err
	}
	all, err := s.Containers(env.Ctx, name)
	if err != nil {
		return nil, err
	}
	var targets []string
	for _, one := range all {
		if one.Service == service && (c.All || !one.OneOff) {
			targets = append(targets, one.Name+":"+path)
		}
	}
	if targets == nil {
		_, err := s.Container(env.Ctx, name, service, 0) // its error says what to do
		return nil, err
	}
	return targets, nil
}

type version struct {
	Short  bool   `help:"Show the number alone."`
	Format string `short:"f" placeholder:"FORMAT" help:"pretty or json."`
}

// Run implements command.Verb.
func (c *version) Run(env *command.Env) error {
	number := command.Version()
	switch {
	case c.Short:
		return command.PrintLine(env, number)
	case c.Format == "json" || env.Globals.JSON:
		return json.NewEncoder(env.Stdout).Encode(map[string]string{"version": number})
	case c.Format != "" && c.Format != "pretty":
		return command.Usagef("version --format %s: want pretty or json", c.Format)
	}
	return command.PrintLine(env, "vz stack version "+number)
}
