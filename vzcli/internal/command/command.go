package command

// A Verb is what a command line was parsed into.
type Verb interface {
	Run(env *Env) error
}

// A Command is one entry of the table of verbs.
type Command struct {
	// Name is the verb, or "group verb".
	Name string
	// Aliases are further full names.
	Aliases []string
	// Help is one line.
	Help string
	// Group is the heading under which `vz --help` lists the command.
	Group string
	// New returns the grammar: a pointer to a struct with kong tags.
	New func() Verb
	// Hidden commands are not listed.
	Hidden bool
	// Workload commands have the program's streams and exit code: their own
	// failures go to stderr, even as JSON.
	Workload bool
	// Failures says how those exit.
	Failures Failures
	// Complete says what the command's arguments name.
	Complete Subject
}

// Failures is how a command's own failures exit, as docker's verbs do.
type Failures int

// The kinds of failures.
const (
	// FailProgram: 126 and 127 for a program that cannot be executed or is not
	// there, else 1.
	FailProgram Failures = iota
	// FailRun: the same, else 125.
	FailRun
	// FailExec: as FailProgram, and 126 for a user or directory that is wrong.
	FailExec
	// FailPlain: 1.
	FailPlain
)

// A Subject is the kind of thing that an argument names, for completion.
type Subject string

// The subjects that completion knows.
const (
	Nothing    Subject = ""
	Containers Subject = "containers"
	Images     Subject = "images"
	Volumes    Subject = "volumes"
	Networks   Subject = "networks"
	Files      Subject = "files"
	Sandboxes  Subject = "sandboxes"
	Pools      Subject = "pools" // of sandboxes
	Any        Subject = "any"   // containers and images
)

// The groups of `vz --help`, in order.
const (
	GroupContainers = "Containers"
	GroupImages     = "Images"
	GroupStorage    = "Volumes and networks"
	GroupDev        = "Development environments"
	GroupSystem     = "System"
)
