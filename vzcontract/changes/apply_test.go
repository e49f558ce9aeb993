package changes

import (
	"errors"
	"reflect"
	"testing"

	"vz.internal/vzcontract"
)

func TestApply(t *testing.T) {
	tests := []struct {
		lines []string
		want  vzcontract.ImageConfig
	}{
		{[]string{"CMD echo hi"}, vzcontract.ImageConfig{Cmd: []string{"/bin/sh", "-c", "echo hi"}}},
		{[]string{`SHELL ["/bin/bash","-c"]`, "cmd x", `ENTRYPOINT ["a","b"]`}, vzcontract.ImageConfig{Shell: []string{"/bin/bash", "-c"}, Cmd: []string{"/bin/bash", "-c", "x"}, Entrypoint: []string{"a", "b"}}},
		{[]string{"ENV A=1", `ENV A=2 B="x y" C=d\ e`, "ENV D some words"}, vzcontract.ImageConfig{Env: []string{"A=2", "B=x y", "C=d e", "D=some words"}}},
		{[]string{"ENV A=1\nENV B=2 \\\n C=3\n# nothing\n"}, vzcontract.ImageConfig{Env: []string{"A=1", "B=2", "C=3"}}},
		{[]string{"LABEL a=b c='d e'"}, vzcontract.ImageConfig{Labels: map[string]string{"a": "b", "c": "d e"}}},
		{[]string{"EXPOSE 80 53/udp"}, vzcontract.ImageConfig{ExposedPorts: []string{"80/tcp", "53/udp"}}},
		{[]string{`VOLUME ["/a"]`, "VOLUME /b /c"}, vzcontract.ImageConfig{Volumes: []string{"/a", "/b", "/c"}}},
		{[]string{"WORKDIR a", "WORKDIR b", "USER 1:2", "STOPSIGNAL SIGINT", "ONBUILD RUN x"}, vzcontract.ImageConfig{WorkingDir: "/a/b", User: "1:2", StopSignal: "SIGINT", OnBuild: []string{"RUN x"}}},
		{[]string{"HEALTHCHECK --interval=5s --retries=2 CMD curl x"}, vzcontract.ImageConfig{Health: &vzcontract.HealthCheck{Test: []string{"CMD-SHELL", "curl x"}, Interval: 5e9, Retries: 2}}},
		{[]string{`HEALTHCHECK CMD ["a"]`}, vzcontract.ImageConfig{Health: &vzcontract.HealthCheck{Test: []string{"CMD", "a"}}}},
		{[]string{"HEALTHCHECK NONE"}, vzcontract.ImageConfig{Health: &vzcontract.HealthCheck{Test: []string{"NONE"}}}},
	}
	for _, tt := range tests {
		var got vzcontract.ImageConfig
		if err := Apply(&got, tt.lines); err != nil {
			t.Errorf("Apply(%q) = %v", tt.lines, err)
		} else if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Apply(%q) = %+v, want %+v", tt.lines, got, tt.want)
		}
	}
}

// TestExpansion has the words of docker commit, which dockerd 20.10 turned into
// the same.
func TestExpansion(t *testing.T) {
	for in, want := range map[string]string{
		`A='$PATH'`: "$PATH", `A="${PATH}"`: "/bin:/sbin", `A=/x:$PATH`: "/x:/bin:/sbin", `A=${NO:-d}`: "d", `A=${PATH:+yes}`: "yes",
		`A=${NO:+yes}`: "", `A=${PATH:-d}`: "/bin:/sbin", `A=${EMPTY:-d}`: "d", `A=${EMPTY-d}`: "", `A=${NO-$PATH}`: "/bin:/sbin",
		`A=\$PATH`: "$PATH", "A=$NO.": ".", "A=$$": "", "A=$": "$", `A="\$X"`: "$X", `A='\$X'`: `\$X`, `A="a\b"`: `a\b`, `A=a\ b`: "a b",
		`A /x:$PATH "q" end`: "/x:/bin:/sbin q end", "A=$SPACE": "a  b",
	} {
		c := vzcontract.ImageConfig{Env: []string{"PATH=/bin:/sbin", "EMPTY=", "SPACE=a  b"}}
		if err := Apply(&c, []string{"ENV " + in}); err != nil || len(c.Env) != 4 || c.Env[3] != "A="+want {
			t.Errorf("ENV %s gives %q, %v, want A=%s", in, c.Env, err, want)
		}
	}
	c := vzcontract.ImageConfig{Cmd: []string{"old"}}
	lines := []string{"ENV P=p Q=$P", "ENV R=$P", "WORKDIR /a/$P", "USER $P", "LABEL l=$P", "VOLUME /v$P", "EXPOSE 8${N:-0}", "STOPSIGNAL SIG${S:-INT}", `ENTRYPOINT ["$P"]`}
	want := vzcontract.ImageConfig{
		Env: []string{"P=p", "Q=", "R=p"}, WorkingDir: "/a/p", User: "p", Labels: map[string]string{"l": "p"}, Volumes: []string{"/vp"},
		ExposedPorts: []string{"80/tcp"}, StopSignal: "SIGINT", Entrypoint: []string{"$P"},
	}
	if err := Apply(&c, lines); err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("Apply(%q) = %+v, %v, want %+v", lines, c, err, want)
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, line := range []string{
		"", "CMD", "COPY a b", "ENV A", `ENV A="b`, "ENV A=1 B", "LABEL =x", "EXPOSE http", "EXPOSE 80/quic", "VOLUME relative", `VOLUME ["a`, "SHELL sh",
		"HEALTHCHECK curl", "HEALTHCHECK --interval=x CMD y", "HEALTHCHECK --nonsense=1s CMD y", "HEALTHCHECK --retries=-1 CMD y", `CMD ["a", 1]`, "ENV A=${PATH",
		"ENV A=${}", "ENV A=${P:?x}", `ENV A="$P`, `ENV A=\`, "EXPOSE ${P}/tcp",
	} {
		if err := Apply(&vzcontract.ImageConfig{}, []string{line}); !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("Apply(%q) = %v, want invalid", line, err)
		}
	}
}

func FuzzApply(f *testing.F) {
	for _, seed := range []string{"ENV A='b c' D", `CMD ["x"]`, "HEALTHCHECK --retries=1 CMD x", "ENV A=${B:-${C:+d}}", "EXPOSE 1-2/tcp"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, line string) { _ = Apply(&vzcontract.ImageConfig{}, []string{line}) })
}
