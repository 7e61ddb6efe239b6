#!/bin/sh
# Installs the programs that `make test-desktop` drives, where Debian has them, and says which ones are missing.
#
# It asks for nothing: it installs as root, or where sudo needs no password, and otherwise names the command that does
# it. A program that is missing fails nothing here: its tests are skipped, and say so.
set -u
cd "$(dirname "$0")/.." || exit 2
log=.cache/setup/desktop.log
mkdir -p .cache/setup && : >"$log" || exit 2

# One line for each: the program that is looked for, the Debian package that has it, what is tested with it.
needed() {
    cat <<'END'
Xvfb xvfb a screen without a monitor
xdotool xdotool clicks and keys
import imagemagick pictures of the screen
xwininfo x11-utils windows and their places
openbox openbox a window manager
dbus-daemon dbus-daemon a message bus
dbus-run-session dbus-daemon a message bus
dbus-send dbus-bin a message bus
dbus-monitor dbus-bin the notices of the daemon
dunst dunst notifications in dunst
notification-daemon notification-daemon notifications of GNOME Flashback and MATE
xfce4-notifyd xfce4-notifyd notifications of Xfce
xfce4-panel xfce4-panel the icon in the panel of Xfce
xfconf-query xfconf the icon in the panel of Xfce
rsvg-convert librsvg2-bin the icon in all sizes
fc-list fontconfig texts on the screen
udisksd udisks2 names of cards, and unmounting them
udevadm udev names of cards, and unmounting them
losetup mount cards in a file
mkfs.vfat dosfstools cards with FAT
systemd-analyze systemd the units of systemd
systemctl systemd the units of systemd
dpkg-deb dpkg the Debian package
fakeroot fakeroot the Debian package
lintian lintian the Debian package
man man-db the manual page
desktop-file-validate desktop-file-utils the desktop entries
faketime faketime a clock that jumps
exiftool libimage-exiftool-perl facts of photographs
END
}

# Programs that only the bus starts lie outside the PATH.
for folder in /usr/sbin /sbin /usr/libexec /usr/libexec/udisks2 /usr/lib/notification-daemon \
    /usr/lib/*/xfce4/notifyd; do
    PATH=$PATH:$folder
done
. packaging/programs.sh
