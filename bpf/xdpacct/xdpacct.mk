LIBS_xdpacct := libpcap nettle
