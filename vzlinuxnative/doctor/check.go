package doctor

import "context"

// A Status is the verdict of a check.
type Status string

// The verdicts.
const (
	OK      Status = "ok"
	Warning Status = "warning" // containers run, with less
	Missing Status = "missing" // an ability that is not needed by default
	Failed  Status = "failed"  // containers do not run
)

// A Result is what one check found. Remedy says how to get what is missing.
type Result struct {
	Name   string
	Status Status
	Detail string
	Remedy string
}

// A Check looks at one ability of the host.
type Check struct {
	Name string
	Run  func(ctx context.Context, dirs Dirs) Result
}

// Dirs are vz's own directories.
type Dirs struct{ Home, Run string }

// Run makes all checks, in order.
func Run(ctx context.Context, dirs Dirs) []Result {
	var all []Result
	for _, c := range checks() {
		r := c.Run(ctx, dirs)
		r.Name = c.Name
		all = append(all, r)
	}
	return all
}

func ok(detail string) Result { return Result{Status: OK, Detail: detail} }
