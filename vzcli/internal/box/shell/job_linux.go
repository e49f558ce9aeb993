package shell

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// jobFlag starts a shell that reads its program from jobFD.
const (
	jobFlag = "--job"
	jobFD   = 3
)

// self is the running program: what the kernel says, whatever the file system
// looks like now, or without /proc the sh that a caller would find.
func self() string {
	const running = "/proc/self/exe"
	if _, err := os.Lstat(running); err == nil {
		return running
	}
	return "/bin/sh"
}

// startJob runs text in a new shell that has the variables, functions and
// parameters of this one.
func (s *shell) startJob(hc interp.HandlerContext, text string, params []string) (*child, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	files, done, err := streams(hc)
	if err != nil {
		return nil, errors.Join(err, r.Close(), w.Close())
	}
	if !s.interactive && hc.Stdin == os.Stdin {
		if null, err := os.Open(os.DevNull); err == nil {
			defer null.Close()
			files[0] = null
		}
	}
	ch, err := s.children.start(self(), []string{"sh", jobFlag}, &os.ProcAttr{
		Dir: hc.Dir, Env: environ(hc.Env), Files: append(files, r),
	})
	done()
	_ = r.Close() // the job has its own, and without one there must be no writing
	if err != nil {
		_ = w.Close() // nobody reads
		return nil, err
	}
	s.children.addJob(ch, strings.TrimSpace(text))
	_, _ = io.WriteString(w, s.state(hc, params)+text) // the job may have been killed
	_ = w.Close()                                      // the same
	return ch, nil
}

// state is a program that brings a new shell to where this one is.
func (s *shell) state(hc interp.HandlerContext, params []string) string {
	var b strings.Builder
	hc.Env.Each(func(name string, v expand.Variable) bool {
		if v.ReadOnly || !syntax.ValidName(name) || v.Exported && v.Kind == expand.String {
			return true
		}
		switch v.Kind {
		case expand.String:
			fmt.Fprintf(&b, "%s=%s\n", name, quoteAll([]string{v.Str}))
		case expand.Indexed:
			fmt.Fprintf(&b, "%s=(%s)\n", name, quoteAll(v.List))
		}
		return true
	})
	for name, body := range s.runner.Funcs {
		fmt.Fprintf(&b, "%s() %s\n", name, source(body))
	}
	if len(params) > 0 {
		fmt.Fprintf(&b, "set -- %s\n", quoteAll(params))
	}
	return b.String() + jobMark + "\n"
}

// jobMark ends the state.
const jobMark = ": __vz_job"

// runJob is the life of a shell that startJob started.
func (s *shell) runJob() int {
	f := os.NewFile(jobFD, "job")
	text, err := io.ReadAll(f)
	_ = f.Close() // only read from
	if err != nil {
		return s.fail(2, err)
	}
	state, program, ok := strings.Cut(string(text), jobMark+"\n")
	if !ok {
		return s.fail(2, fmt.Errorf("a job without a program"))
	}
	if code := s.runText(state); code != 0 {
		return code
	}
	file, err := parseText(program, "job")
	if err != nil {
		return s.fail(2, err)
	}
	lastProgram(file, func(name string) bool { return s.runner.Funcs[name] != nil })
	return s.run(file)
}

// wait is the builtin: for all jobs, or for those given; a signal with a trap
// ends it.
func (s *shell) wait(hc interp.HandlerContext, args []string) int {
	jobs := s.children.allJobs()
	status := 0
	if len(args) > 0 {
		jobs = nil
		for _, arg := range args {
			pid, err := strconv.Atoi(strings.TrimPrefix(arg, "%"))
			ch := s.children.job(pid)
			if all := s.children.allJobs(); strings.HasPrefix(arg, "%") && err == nil && pid > 0 && pid <= len(all) {
				ch = all[pid-1]
			}
			if ch == nil {
				fmt.Fprintf(hc.Stderr, "sh: wait: %s is no job of this shell\n", arg)
				status = 127
				continue
			}
			jobs = append(jobs, ch)
		}
	}
	for _, ch := range jobs {
		select {
		case <-ch.done:
		case <-s.traps.wake:
			return 128
		}
		s.children.forget(ch)
		if len(args) > 0 {
			status = ch.status
		}
	}
	return status
}

func (s *shell) listJobs(hc interp.HandlerContext) int {
	for i, ch := range s.children.allJobs() {
		state := "Running"
		select {
		case <-ch.done:
			state = "Done(" + strconv.Itoa(ch.status) + ")"
		default:
		}
		fmt.Fprintf(hc.Stdout, "[%d] %d %s  %s\n", i+1, ch.pid, state, ch.text)
	}
	return 0
}
