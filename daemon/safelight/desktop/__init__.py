"""What the desktop and the system offer: notifications, removable disks, power, the service manager."""
