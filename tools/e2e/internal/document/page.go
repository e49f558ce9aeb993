package document

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Step is one command of a page, or a file that it shows.
type Step struct {
	Line    int
	Command string   // the command, "" for a file
	Printed int      // the line where its output begins
	Output  []string // what the page says that it prints
	NotRun  string   // why it is not run; "" if it is
	File    string   // the name of the file
	Text    string   // what is in it
}

var (
	notRun   = regexp.MustCompile(`^<!-- not run: (.+) -->$`)
	fileName = regexp.MustCompile(`^<!-- file: ([a-zA-Z0-9._/-]+) -->$`)
	program  = regexp.MustCompile(`^(?:    |\t)[$#]? ?(vz|curl) `)
)

// Parse returns the steps of a page in order. A command that would never be run,
// because its block is not one of commands, is an error.
func Parse(text string) ([]Step, error) {
	var steps []Step
	var why, file string // of the comment before
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence:
			end := i + 1
			for end < len(lines) && lines[end] != "```" {
				end++
			}
			if end == len(lines) {
				return nil, fmt.Errorf("line %d: the block has no end", i+1)
			}
			found, err := block(language, lines[i+1:end], i+2, why, file)
			if err != nil {
				return nil, err
			}
			steps = append(steps, found...)
			i, why, file = end, "", ""
		case notRun.MatchString(line):
			why = notRun.FindStringSubmatch(line)[1]
		case fileName.MatchString(line):
			file = fileName.FindStringSubmatch(line)[1]
		case program.MatchString(line):
			return nil, fmt.Errorf("line %d: a command in an indented block is not run: use a block of console", i+1)
		case line != "":
			why, file = "", ""
		}
	}
	return steps, nil
}

func block(language string, lines []string, at int, why, file string) ([]Step, error) {
	switch {
	case file != "":
		return []Step{{Line: at, File: file, Text: strings.Join(lines, "\n") + "\n"}}, nil
	case language == "console":
		return commands(lines, at, why)
	case why == "" && (language == "sh" || language == "bash" || language == "shell" || language == ""):
		return nil, fmt.Errorf("line %d: a block of language %q is not run: use console, or say why not", at-1, language)
	}
	return nil, nil
}

func commands(lines []string, at int, why string) ([]Step, error) {
	var steps []Step
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "$ ") {
			if len(steps) == 0 {
				return nil, fmt.Errorf("line %d: the block begins with no command", at+i)
			}
			last := &steps[len(steps)-1]
			last.Output = append(last.Output, line)
			continue
		}
		step := Step{Line: at + i, Command: line[2:], NotRun: why}
		for strings.HasSuffix(step.Command, `\`) && i+1 < len(lines) {
			i++
			step.Command += "\n" + lines[i]
		}
		step.Printed = at + i + 1
		steps = append(steps, step)
	}
	return steps, nil
}

// Rewrite returns the page with what each step printed, by its index in steps, in
// place of what the page said.
func Rewrite(text string, steps []Step, printed map[int]string) string {
	lines := strings.Split(text, "\n")
	for i := len(steps) - 1; i >= 0; i-- {
		out, ok := printed[i]
		if !ok {
			continue
		}
		from, to := steps[i].Printed-1, steps[i].Printed-1+len(steps[i].Output)
		var fresh []string
		if out != "" {
			fresh = strings.Split(strings.TrimRight(out, "\n"), "\n")
		}
		lines = slices.Concat(lines[:from], fresh, lines[to:])
	}
	return strings.Join(lines, "\n")
}
