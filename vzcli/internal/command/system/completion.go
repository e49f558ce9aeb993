package system

import "vz.internal/vzcli/internal/command"

type completion struct {
	Shell string `arg:"" help:"bash, zsh or fish."`
}

var scripts = map[string]string{
	"bash": `# bash completion for vz: source <(vz completion bash)
# bash parts words at colons and equal signs; vz wants them whole, and bash
# wants the last part alone.
_vz() {
	local line="${COMP_LINE:0:COMP_POINT}" word i
	local -a words
	IFS=$' \t' read -ra words <<<"$line"
	[[ "$line" == *[[:space:]] ]] && words+=("")
	word="${words[${#words[@]}-1]}"
	local IFS=$'\n'
	COMPREPLY=($(vz internal complete -- "${words[@]:1}" 2>/dev/null))
	if [ "${COMPREPLY[0]}" = ":files" ]; then
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "${word##*[:=]}"))
		return
	fi
	local last="${word##*[:=]}"
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]="${COMPREPLY[i]#"${word%"$last"}"}"
	done
}
complete -F _vz vz
`,
	"zsh": `#compdef vz
# zsh completion for vz: source <(vz completion zsh)
_vz() {
	local -a words_found
	words_found=("${(@f)$(vz internal complete -- "${words[@]:1:$((CURRENT-1))}" 2>/dev/null)}")
	if [ "${words_found[1]}" = ":files" ]; then
		_files
	else
		compadd -a words_found
	fi
}
compdef _vz vz
`,
	"fish": `# fish completion for vz: vz completion fish | source
function __vz_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l found (vz internal complete -- $words[2..-1] 2>/dev/null)
	if test "$found[1]" = ":files"
		__fish_complete_path (commandline -ct)
	else
		printf '%s\n' $found
	end
end
complete -c vz -f -a '(__vz_complete)'
`,
}

// Run implements command.Verb.
func (c *completion) Run(env *command.Env) error {
	script, ok := scripts[c.Shell]
	if !ok {
		return command.Usagef("completion %s: want bash, zsh or fish", c.Shell)
	}
	_, err := env.Stdout.Write([]byte(script))
	return err
}
