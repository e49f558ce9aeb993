package direct

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// op is an operation of the child. Keep in step with child_linux.h.
type op uint64

const (
	opWrite op = iota + 1
	opUnshare
	opSetns
	opSetsid
	opKeyring
	opStdio
	opPropagate
	opRoot
	opFSMount
	opAttach
	opSymlink
	opReadOnly
	opLock
	opMask
	opConsole
	opPivot
	opHostname
	opDomainname
	opReady
	opRlimit
	opUmask
	opNoNewPrivs
	opSeccomp
	opClose
	opChdir
	opBounding
	opUser
	opCaps
	opExec
	opLoopback
	opChroot
)

// A plan is what the child does, encoded. Each operation has words for the
// error that it may give.
type plan struct {
	buf   []byte
	words []string
	ops   []op
}

// add appends an operation. Arguments are uint64, int, bool, string or []byte.
func (p *plan) add(o op, words string, args ...any) {
	p.words = append(p.words, words)
	p.ops = append(p.ops, o)
	p.num(uint64(o))
	for _, a := range args {
		switch a := a.(type) {
		case uint64:
			p.num(a)
		case int:
			p.num(uint64(a))
		case bool:
			if a {
				p.num(1)
			} else {
				p.num(0)
			}
		case string:
			p.str(a)
		case []byte:
			p.num(uint64(len(a)))
			p.buf = append(append(p.buf, a...), 0)
		default:
			panic(fmt.Sprintf("plan argument %T", a))
		}
	}
}

func (p *plan) num(v uint64) { p.buf = binary.NativeEndian.AppendUint64(p.buf, v) }

func (p *plan) str(s string) {
	p.num(uint64(len(s)))
	p.buf = append(append(p.buf, s...), 0)
}

// check refuses strings that C would cut short.
func (p *plan) check(strs ...string) error {
	for _, s := range strs {
		if strings.IndexByte(s, 0) >= 0 {
			return fmt.Errorf("%q has a NUL byte", s)
		}
	}
	return nil
}

// A stepError is an operation of the child that failed.
type stepError struct {
	op    op
	words string
	errno unix.Errno
}

func (e *stepError) Error() string { return e.words + ": " + e.errno.Error() }
func (e *stepError) Unwrap() error { return e.errno }
