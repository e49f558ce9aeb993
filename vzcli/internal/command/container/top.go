package container

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type top struct {
	Args []string `arg:"" passthrough:"partial" placeholder:"CONTAINER [COLUMNS]" help:"Container, then columns as of ps -o: pid,user,args."`
}

var topColumns = map[string]struct {
	head string
	cell func(p vzcontract.Process, now time.Time) string
}{
	"uid":   {"UID", func(p vzcontract.Process, _ time.Time) string { return strconv.FormatUint(uint64(p.UID), 10) }},
	"user":  {"USER", func(p vzcontract.Process, _ time.Time) string { return p.User }},
	"pid":   {"PID", func(p vzcontract.Process, _ time.Time) string { return strconv.Itoa(p.PID) }},
	"ppid":  {"PPID", func(p vzcontract.Process, _ time.Time) string { return strconv.Itoa(p.PPID) }},
	"c":     {"C", usage},
	"pcpu":  {"%CPU", usage},
	"stime": {"STIME", started},
	"start": {"STARTED", started},
	"etime": {"ELAPSED", func(p vzcontract.Process, now time.Time) string { return clock(now.Sub(p.Started)) }},
	"tty":   {"TTY", func(p vzcontract.Process, _ time.Time) string { return p.TTY }},
	"tt":    {"TT", func(p vzcontract.Process, _ time.Time) string { return p.TTY }},
	"time":  {"TIME", func(p vzcontract.Process, _ time.Time) string { return clock(p.CPUTime) }},
	"cmd":   {"CMD", func(p vzcontract.Process, _ time.Time) string { return command.OneLine(strings.Join(p.Args, " ")) }},
	"args":  {"COMMAND", func(p vzcontract.Process, _ time.Time) string { return command.OneLine(strings.Join(p.Args, " ")) }},
	"comm":  {"COMMAND", func(p vzcontract.Process, _ time.Time) string { return firstWord(p.Args) }},
}

// fullFormat is what ps -ef prints, but for the user's name as docker has it.
var fullFormat = []string{"user", "pid", "ppid", "c", "stime", "tty", "time", "cmd"}

// Run implements command.Verb.
func (c *top) Run(env *command.Env) error {
	columns, err := topFormat(c.Args[1:])
	if err != nil {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	t, err := command.Need[vzcontract.Topper](s, vzcontract.FeatureTop)
	if err != nil {
		return err
	}
	processes, err := t.Top(env.Ctx, c.Args[0])
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Stdout, 20, 1, 3, ' ', 0)
	for _, line := range topTable(columns, processes, time.Now()) {
		if _, err := fmt.Fprintln(w, strings.Join(line, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// Processes are the cells of what top prints: the headings, then a line for
// each process.
func Processes(processes []vzcontract.Process) [][]string {
	return topTable(fullFormat, processes, time.Now())
}

func topTable(columns []string, processes []vzcontract.Process, now time.Time) [][]string {
	var heads []string
	for _, name := range columns {
		head := topColumns[name].head
		if name == "user" && slices.Equal(columns, fullFormat) {
			head = "UID"
		}
		heads = append(heads, head)
	}
	table := [][]string{heads}
	for _, p := range processes {
		var cells []string
		for _, name := range columns {
			cells = append(cells, topColumns[name].cell(p, now))
		}
		table = append(table, cells)
	}
	return table
}

// topFormat reads the options of ps that docker's users know: -ef, aux, -o LIST.
func topFormat(args []string) ([]string, error) {
	var columns []string
	for i := 0; i < len(args); i++ {
		list := ""
		switch arg := args[i]; {
		case arg == "-ef", arg == "-e", arg == "-f", arg == "-A", arg == "aux", arg == "-aux":
			continue
		case arg == "-o" || arg == "-eo" || arg == "o":
			if i++; i == len(args) {
				return nil, command.Usagef("top: -o: a list of columns is missing")
			}
			list = args[i]
		case strings.HasPrefix(arg, "-o"):
			list = arg[2:]
		default:
			list = arg
		}
		for _, name := range strings.Split(list, ",") {
			if _, ok := topColumns[name]; !ok {
				return nil, vzcontract.Errorf(vzcontract.ErrValidation,
					"top: unknown column %q; known are uid, user, pid, ppid, pcpu, stime, start, etime, tty, time, cmd, args, comm", name)
			}
			columns = append(columns, name)
		}
	}
	if columns == nil {
		columns = fullFormat
	}
	return columns, nil
}

func usage(p vzcontract.Process, now time.Time) string {
	alive := now.Sub(p.Started)
	if alive <= 0 {
		return "0"
	}
	return strconv.Itoa(int(100 * p.CPUTime / alive))
}

func started(p vzcontract.Process, now time.Time) string {
	if now.Sub(p.Started) > 24*time.Hour {
		return p.Started.Local().Format("Jan02")
	}
	return p.Started.Local().Format("15:04")
}

func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

func firstWord(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}
