package ocicli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/utils"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// A record is the state of a container as state and list print it: the
// specification's, and what runc adds.
type record struct {
	specs.State
	Rootfs  string    `json:"rootfs"`
	Created time.Time `json:"created"`
}

func state(g globals, args []string) (int, error) {
	rest, err := parse(newFlags("state"), args, 1, 1)
	if err != nil {
		return 0, err
	}
	lc, err := g.load(rest[0])
	if err != nil {
		return 0, err
	}
	r, err := recordOf(lc)
	if err != nil {
		return 0, err
	}
	return 0, printJSON(r)
}

func recordOf(lc *libcontainer.Container) (record, error) {
	status, err := lc.Status()
	if err != nil {
		return record{}, err
	}
	st, err := lc.State()
	if err != nil {
		return record{}, err
	}
	r := record{Rootfs: st.Config.Rootfs, Created: st.Created}
	r.Version, r.ID, r.Status = specs.Version, st.ID, specs.ContainerState(status.String())
	r.Bundle, r.Annotations = utils.Annotations(st.Config.Labels)
	if status != libcontainer.Stopped {
		r.Pid = st.InitProcessPid
	}
	return r, nil
}

func printJSON(v any) error {
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

func list(g globals, args []string) (int, error) {
	flags := newFlags("list")
	format := flags.String("format", "table", "table or json")
	if _, err := parse(flags, args, 0, 0); err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(g.root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	records := []record{}
	var errs []error
	for _, e := range entries {
		lc, err := libcontainer.Load(g.root, e.Name())
		if errors.Is(err, libcontainer.ErrNotExist) {
			continue // being made or removed
		}
		var r record
		if err == nil {
			r, err = recordOf(lc)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("container %q: %w", e.Name(), err))
			continue
		}
		records = append(records, r)
	}
	switch *format {
	case "json":
		errs = append(errs, printJSON(records))
	case "table":
		errs = append(errs, printTable(records))
	default:
		return 0, fmt.Errorf("list: format %q: give table or json", *format)
	}
	return 0, errors.Join(errs...)
}

func printTable(records []record) error {
	w := tabwriter.NewWriter(os.Stdout, 8, 1, 3, ' ', 0)
	fmt.Fprintln(w, "ID\tPID\tSTATUS\tBUNDLE\tCREATED")
	for _, r := range records {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", r.ID, r.Pid, r.Status, r.Bundle, r.Created.Format(time.RFC3339Nano))
	}
	return w.Flush()
}
