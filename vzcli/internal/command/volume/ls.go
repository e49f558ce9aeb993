package volume

import (
	"regexp"
	"slices"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type ls struct {
	Cluster bool     `hidden:"" help:"Refused."`
	Filter  []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Show only those that match."`
	Format  string   `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet   bool     `short:"q" help:"Show names only."`
}

var listing = output.Listing{
	Columns: []string{"Driver", "Name"}, Quiet: "Name", Headers: map[string]string{"Name": "VOLUME NAME"},
	Sample: func() output.Row { return Row(vzcontract.VolumeInfo{}) },
}

// Run implements command.Verb.
func (c *ls) Run(env *command.Env) error {
	if c.Cluster {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--cluster: vz has no Swarm and no cluster volumes")
	}
	f, err := output.ParseFilters(c.Filter, "dangling", "driver", "label", "name")
	if err != nil {
		return err
	}
	dangling, asked, err := f.Bool("dangling")
	if err != nil {
		return err
	}
	var patterns []*regexp.Regexp
	for _, p := range f["name"] {
		re, err := regexp.Compile(p)
		if err != nil {
			return vzcontract.Errorf(vzcontract.ErrValidation, "--filter name=%s: %w", p, err)
		}
		patterns = append(patterns, re)
	}
	return List(env, env.Listing(c.Format, c.Quiet), func(info vzcontract.VolumeInfo) bool {
		return f.MatchLabels(info.Labels) && (!asked || dangling == (len(info.UsedBy) == 0)) &&
			f.Match("driver", func(d string) bool { return d == info.Driver || d == "local" && info.Driver == "" }) &&
			(patterns == nil || slices.ContainsFunc(patterns, func(re *regexp.Regexp) bool { return re.MatchString(info.Name) }))
	})
}

// List prints the volumes that wanted accepts.
func List(env *command.Env, opts output.Options, wanted func(vzcontract.VolumeInfo) bool) error {
	_, v, err := open(env)
	if err != nil {
		return err
	}
	all, err := v.ListVolumes(env.Ctx)
	if err != nil {
		return err
	}
	var rows []output.Row
	for _, info := range all {
		if wanted(info) {
			rows = append(rows, Row(info))
		}
	}
	return listing.Print(env.Stdout, opts, rows)
}

// Row gives docker's placeholders for one volume.
func Row(v vzcontract.VolumeInfo) output.Row {
	driver := v.Driver
	if driver == "" {
		driver = "local"
	}
	return output.Row{
		"Name": v.Name, "Driver": driver, "Scope": "local", "Mountpoint": v.Mountpoint, "Labels": output.Labels(v.Labels),
		"Links": "N/A", "Size": "N/A", "Status": "N/A", "Availability": "N/A", "Group": "N/A",
	}
}
