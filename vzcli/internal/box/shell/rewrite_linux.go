package shell

import (
	"io"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Names that programs are rewritten to.
const (
	callBackground = "__vz_bg"
	callExec       = "__vz_exec"
	callWait       = "__vz_wait"
	callKill       = "__vz_kill"
	callUmask      = "__vz_umask"
	callJobs       = "__vz_jobs"
	varBackground  = "__VZ_BG"
	varName        = "__VZ_NAME"
	varPID         = "__VZ_PID" // of the first shell, in its background jobs too
)

func parse(r io.Reader, name string) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(r, name)
}

func parseText(text, name string) (*syntax.File, error) { return parse(strings.NewReader(text), name) }

// source prints a node.
func source(node syntax.Node) string {
	var b strings.Builder
	if err := syntax.NewPrinter().Print(&b, node); err != nil {
		panic("shell: print a parsed program: " + err.Error()) // to memory
	}
	return b.String()
}

// rewrite changes node, a part of a program, to what the interpreter can run.
func rewrite(node syntax.Node) {
	var subshells []bool // of the nodes on the way
	sub := 0
	syntax.Walk(node, func(n syntax.Node) bool {
		if n == nil {
			if last := len(subshells) - 1; subshells[last] {
				sub--
			}
			subshells = subshells[:len(subshells)-1]
			return true
		}
		isSub := false
		descend := true
		switch n := n.(type) {
		case *syntax.Subshell, *syntax.CmdSubst, *syntax.ProcSubst, *syntax.FuncDecl, *syntax.CoprocClause:
			isSub = true
		case *syntax.BinaryCmd:
			isSub = n.Op == syntax.Pipe || n.Op == syntax.PipeAll
		case *syntax.Stmt:
			if n.Background {
				inBackground(n)
				descend = false
			}
		case *syntax.CallExpr:
			if sub == 0 && len(n.Args) > 1 && n.Args[0].Lit() == "exec" {
				n.Args[0] = word(callExec)
			}
		case *syntax.ParamExp:
			switch {
			case n.Param == nil:
			case n.Param.Value == "!":
				n.Short, n.Param = false, &syntax.Lit{Value: varBackground}
			case n.Param.Value == "0":
				n.Short, n.Param = false, &syntax.Lit{Value: varName}
			case n.Param.Value == "$":
				n.Short, n.Param = false, &syntax.Lit{Value: varPID}
			}
		}
		if !descend {
			return false
		}
		subshells = append(subshells, isSub)
		if isSub {
			sub++
		}
		return true
	})
}

// inBackground makes a call of a statement that ends in &. The call has the
// parameters that the statement may use.
func inBackground(st *syntax.Stmt) {
	inner := *st
	inner.Background = false
	text := source(&inner) + "\n"
	quoted, err := syntax.Quote(text, syntax.LangBash)
	if err != nil {
		return // a NUL in the program; the interpreter runs it as it is
	}
	args := []*syntax.Word{word(callBackground), raw(quoted), {Parts: []syntax.WordPart{&syntax.DblQuoted{
		Parts: []syntax.WordPart{&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "@"}}},
	}}}}
	st.Cmd, st.Redirs, st.Background, st.Negated = &syntax.CallExpr{Args: args}, nil, false, false
}

func word(lit string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: lit}}}
}

// raw parses a quoted word.
func raw(quoted string) *syntax.Word {
	file, err := parseText(quoted, "")
	if err != nil || len(file.Stmts) != 1 {
		panic("shell: quoting made no word: " + quoted)
	}
	return file.Stmts[0].Cmd.(*syntax.CallExpr).Args[0]
}

// lastProgram turns a program that is one call of an external command into an
// exec of it, so that the process is the command and not a shell that waits.
func lastProgram(file *syntax.File, isFunction func(string) bool) {
	if len(file.Stmts) != 1 {
		return
	}
	st := file.Stmts[0]
	call, ok := st.Cmd.(*syntax.CallExpr)
	if !ok || st.Negated || st.Background || len(call.Args) == 0 {
		return
	}
	name := call.Args[0].Lit()
	if name == "" || isBuiltin(name) || isFunction(name) {
		return
	}
	call.Args = append([]*syntax.Word{word(callExec)}, call.Args...)
}
