LIBS_xdpacct := libpcap nettle nettle
