package registry

import (
	"reflect"
	"testing"
)

func TestParseChallenges(t *testing.T) {
	tests := []struct {
		in   string
		want []challenge
	}{
		{`Basic realm="a b"`, []challenge{{"basic", map[string]string{"realm": "a b"}}}},
		{`Bearer realm="https://x/t",service="s", scope="repository:a:pull,push"`, []challenge{{"bearer", map[string]string{"realm": "https://x/t", "service": "s", "scope": "repository:a:pull,push"}}}},
		{`Basic realm=x, Bearer realm="y\"z"`, []challenge{{"basic", map[string]string{"realm": "x"}}, {"bearer", map[string]string{"realm": `y"z`}}}},
		{`Negotiate, Basic realm="q`, []challenge{{"negotiate", map[string]string{}}, {"basic", map[string]string{"realm": "q"}}}},
		{``, nil},
		{`="x"`, nil},
	}
	for _, tt := range tests {
		if got := parseChallenges([]string{tt.in}); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("parseChallenges(%q) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func FuzzParseChallenges(f *testing.F) {
	f.Add(`Bearer realm="https://x/t",service="s", scope="repository:a:pull,push", Basic realm=x`)
	f.Add(`Basic "`)
	f.Fuzz(func(t *testing.T, s string) {
		if list := parseChallenges([]string{s}); len(list) > 16 {
			t.Errorf("%d challenges from one value", len(list))
		}
	})
}
