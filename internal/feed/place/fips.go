package place

import "strings"

// FIPS returns the State of a country code of FIPS 10-4, which GDELT uses. It is
// not ISO 3166-1, though it looks like it: AU is Austria, AS Australia, CH China,
// SZ Switzerland. Palestine has two codes. Territories and what is no State are not
// found.
func (x *Index) FIPS(code string) string {
	i := strings.Index(fips, " "+strings.ToUpper(code)+"=")
	if len(code) != 2 || i < 0 {
		return ""
	}
	iso3, _ := x.ISO3(fips[i+4 : i+7])
	return iso3
}

// fips of the States. RB stands for Serbia beside RI in GDELT, and OD for South
// Sudan, which is younger than the standard. YI was Serbia and Montenegro, which is none
// of today's States.
const fips = " AF=AFG AL=ALB AG=DZA AN=AND AO=AGO AC=ATG AR=ARG AM=ARM AS=AUS AU=AUT AJ=AZE BF=BHS BA=BHR BG=BGD BB=BRB BO=BLR BE=BEL BH=BLZ" +
	" BN=BEN BT=BTN BL=BOL BK=BIH BC=BWA BR=BRA BX=BRN BU=BGR UV=BFA BM=MMR BY=BDI CB=KHM CM=CMR CA=CAN CV=CPV CT=CAF CD=TCD CI=CHL CH=CHN" +
	" CO=COL CN=COM CF=COG CG=COD CS=CRI IV=CIV HR=HRV CU=CUB CY=CYP EZ=CZE DA=DNK DJ=DJI DO=DMA DR=DOM TT=TLS EC=ECU EG=EGY ES=SLV EK=GNQ" +
	" ER=ERI EN=EST ET=ETH FJ=FJI FI=FIN FR=FRA GB=GAB GA=GMB GG=GEO GM=DEU GH=GHA GR=GRC GJ=GRD GT=GTM GV=GIN PU=GNB GY=GUY HA=HTI VT=VAT" +
	" HO=HND HU=HUN IC=ISL IN=IND ID=IDN IR=IRN IZ=IRQ EI=IRL IS=ISR IT=ITA JM=JAM JA=JPN JO=JOR KZ=KAZ KE=KEN KR=KIR KN=PRK KS=KOR KU=KWT" +
	" KG=KGZ LA=LAO LG=LVA LE=LBN LT=LSO LI=LBR LY=LBY LS=LIE LH=LTU LU=LUX MK=MKD MA=MDG MI=MWI MY=MYS MV=MDV ML=MLI MT=MLT RM=MHL MR=MRT" +
	" MP=MUS MX=MEX FM=FSM MD=MDA MN=MCO MG=MNG MJ=MNE MO=MAR MZ=MOZ WA=NAM NR=NRU NP=NPL NL=NLD NZ=NZL NU=NIC NG=NER NI=NGA NO=NOR MU=OMN" +
	" PK=PAK PS=PLW PM=PAN PP=PNG PA=PRY PE=PER RP=PHL PL=POL PO=PRT QA=QAT RO=ROU RS=RUS RW=RWA SC=KNA ST=LCA VC=VCT WS=WSM SM=SMR TP=STP" +
	" SA=SAU SG=SEN RI=SRB RB=SRB SE=SYC SL=SLE SN=SGP LO=SVK SI=SVN BP=SLB SO=SOM SF=ZAF OD=SSD SP=ESP CE=LKA SU=SDN NS=SUR WZ=SWZ SW=SWE" +
	" SZ=CHE SY=SYR TI=TJK TZ=TZA TH=THA TO=TGO TN=TON TD=TTO TS=TUN TU=TUR TX=TKM TV=TUV UG=UGA UP=UKR AE=ARE UK=GBR US=USA UY=URY UZ=UZB" +
	" GZ=PSE WE=PSE NH=VUT VE=VEN VM=VNM YM=YEM ZA=ZMB ZI=ZWE "
