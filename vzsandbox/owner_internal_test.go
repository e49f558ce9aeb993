package vzsandbox

import (
	"errors"
	"strings"
	"testing"

	"vz.internal/vzcontract"
)

const (
	someUsers  = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\nbad:x:-1:x::/:\nshort:x\n"
	someGroups = "root:x:0:\nstaff:x:50:app\nbad:x:y:\n"
)

func readSome(file string) (string, error) {
	return map[string]string{"/etc/passwd": someUsers, "/etc/group": someGroups}[file], nil
}

func TestOwnerOf(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want owner
		err  error
	}{
		{in: "", want: owner{0, 0}},
		{in: "root", want: owner{0, 0}},
		{in: "app", want: owner{1000, 1001}},
		{in: "app:staff", want: owner{1000, 50}},
		{in: "app:7", want: owner{1000, 7}},
		{in: "1000", want: owner{1000, 1001}},
		{in: "1000:root", want: owner{1000, 0}},
		{in: "5", want: owner{5, 0}},
		{in: "5:6", want: owner{5, 6}},
		{in: "4294967295:0", want: owner{4294967295, 0}},
		{in: "nobody", err: vzcontract.ErrValidation},
		{in: "bad", err: vzcontract.ErrValidation},
		{in: "short", err: vzcontract.ErrValidation},
		{in: "-1", err: vzcontract.ErrValidation},
		{in: "app:nobody", err: vzcontract.ErrValidation},
		{in: "app:bad", err: vzcontract.ErrValidation},
		{in: "app:", err: vzcontract.ErrValidation},
	} {
		got, err := ownerOf(tt.in, readSome)
		if !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("ownerOf(%q) = %+v, %v, want %+v, %v", tt.in, got, err, tt.want, tt.err)
		}
	}
	broken := errors.New("broken")
	if _, err := ownerOf("app", func(string) (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Errorf("a database that cannot be read: %v", err)
	}
}

// FuzzOwnerOf reads user databases that sandboxes have made.
func FuzzOwnerOf(f *testing.F) {
	f.Add("app:staff", someUsers, someGroups)
	f.Add("1000", "::1000:9:\n", ":")
	f.Fuzz(func(t *testing.T, user, users, groups string) {
		o, err := ownerOf(user, func(file string) (string, error) {
			return map[string]string{"/etc/passwd": users, "/etc/group": groups}[file], nil
		})
		if err != nil && !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("error %v is no ErrValidation", err)
		}
		if err == nil && (o.uid < 0 || o.gid < 0 || o.uid > 1<<32-1 || o.gid > 1<<32-1) {
			t.Errorf("owner %+v", o)
		}
	})
}

// TestOutput keeps the beginning, however it is written.
func TestOutput(t *testing.T) {
	for _, tt := range []struct {
		limit     int64
		want      string
		truncated bool
	}{{-1, "abcdef", false}, {6, "abcdef", false}, {5, "abcde", true}, {3, "abc", true}, {1, "a", true}} {
		for _, parts := range []string{"abcdef", "abc def", "a b c d e f"} {
			o := &output{limit: tt.limit}
			for part := range strings.FieldsSeq(parts) {
				if n, err := o.Write([]byte(part)); n != len(part) || err != nil {
					t.Errorf("write = %d, %v", n, err)
				}
			}
			data, truncated := o.take()
			if string(data) != tt.want || truncated != tt.truncated {
				t.Errorf("of %q with limit %d: %q, %v", parts, tt.limit, data, truncated)
			}
			if _, err := o.Write([]byte("late")); err != nil || len(o.data) > 0 {
				t.Errorf("a late write is kept: %q, %v", o.data, err)
			}
		}
	}
}
