# shellcheck shell=bash disable=SC2154 # sourced by recipes; `because` and the variables are ../obtain's
#
# Programs of the machine's own Debian, without installing anything.

# debian_unpack FOLDER PACKAGE...: unpacks the packages into the folder, as whoever runs this. Nothing of what they
# depend on comes along.
debian_unpack() {
    local into=$1 apt=("apt-get" "--quiet=2") own
    shift
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || because "this machine has no apt-get and dpkg"
    own=$(mktemp -d)
    mkdir -p "$into" "$own/lists/partial" "$own/cache/archives/partial"
    cd "$own"
    # The machine's lists may be missing, and only root may fetch them: then we fetch lists of our own.
    if ! "${apt[@]}" download "$@"; then
        apt+=(-o "Dir::State::lists=$own/lists" -o "Dir::Cache=$own/cache" -o "APT::Sandbox::User=$(id -un)")
        "${apt[@]}" update && "${apt[@]}" download "$@" || because "apt does not give $*"
    fi
    local package
    for package in ./*.deb; do
        dpkg -x "$package" "$into"
    done
    cd "$OLDPWD"
    rm -rf "$own"
}
